// SPDX-License-Identifier: GPL-2.0-only
/* IPv4 and IPv6 sockets. */
#include "test/harness/prog/scene.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/socket.h>

#define NOT_USED ((void)argc, (void)argv)

static struct sockaddr_in loopback(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)atoi(port));
	return a;
}

/* PORT: connected to whom the harness has there. */
static void set_connect(int argc, char **argv)
{
	struct sockaddr_in a = loopback(argv[0]);

	(void)argc;
	must(connect((int)must(socket(AF_INET, SOCK_STREAM, 0)), (void *)&a, sizeof(a)));
}

/* PORT: a listener there. */
static void set_listen(int argc, char **argv)
{
	struct sockaddr_in a = loopback(argv[0]);
	int fd = (int)must(socket(AF_INET, SOCK_STREAM, 0)), on = 1;

	(void)argc;
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	must(bind(fd, (void *)&a, sizeof(a)));
	must(listen(fd, 5));
}

/* A packet of its own that it has not received. */
static void set_unread(int argc, char **argv)
{
	struct sockaddr_in a = loopback("0");
	int fd = (int)must(socket(AF_INET, SOCK_RAW, 253));

	NOT_USED;
	must(sendto(fd, "x", 1, 0, (void *)&a, sizeof(a)));
}

/* PORT: a datagram of which a part is there. */
static void set_corked(int argc, char **argv)
{
	struct sockaddr_in a = loopback(argv[0]);
	int fd = (int)must(socket(AF_INET, SOCK_DGRAM, 0));

	(void)argc;
	must(sendto(fd, "x", 1, MSG_MORE, (void *)&a, sizeof(a)));
}

static void set_sctp(int argc, char **argv)
{
	NOT_USED;
	if (socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP) < 0)
		scene_skip("SCTP");
}

const struct scene scenes_inet[] = {
	{ "inet-connect", set_connect }, { "inet-listen", set_listen },
	{ "inet-unread", set_unread },   { "inet-corked", set_corked },
	{ "inet-sctp", set_sctp },       { NULL, NULL },
};
