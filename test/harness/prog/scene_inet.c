// SPDX-License-Identifier: GPL-2.0-only
/* IPv4 and IPv6 sockets. */
#include "test/harness/prog/scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

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

/* A kernel without TLS does not know the name. */
static void set_ulp(int argc, char **argv)
{
	struct sockaddr_in a = loopback(argv[0]);
	int fd = (int)must(socket(AF_INET, SOCK_STREAM, 0));

	(void)argc;
	must(connect(fd, (void *)&a, sizeof(a)));
	scene_needs(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")), ENOENT, "TLS");
}

static void connect_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
	must(connect((int)must(socket(AF_UNIX, SOCK_STREAM, 0)), (void *)&a, sizeof(a)));
}

/*
 * PATH PORT: 3 is connected to a unix socket that the harness has there, 4 of XDP, 5 connected to
 * a port of the harness, 6 raw with an unread packet, 7 a listener at which 8 waits.
 */
static void set_everything(int argc, char **argv)
{
	struct sockaddr_in a = loopback("0");
	socklen_t len = sizeof(a);
	char port[8];

	connect_unix(argv[0]);
	scene_needs(socket(AF_XDP, SOCK_RAW, 0), EAFNOSUPPORT, "AF_XDP");
	set_connect(argc - 1, argv + 1);
	set_unread(0, NULL);
	set_listen(1, (char *[]){ (char[]){ "0" } });
	must(getsockname(7, (void *)&a, &len));
	snprintf(port, sizeof(port), "%u", ntohs(a.sin_port));
	set_connect(1, (char *[]){ port });
}

const struct scene scenes_inet[] = {
	{ "inet-connect", set_connect }, { "inet-listen", set_listen },
	{ "inet-unread", set_unread },   { "inet-corked", set_corked },
	{ "inet-sctp", set_sctp },       { "inet-ulp", set_ulp },
	{ "inet-all", set_everything },  { NULL, NULL },
};
