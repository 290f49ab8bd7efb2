// SPDX-License-Identifier: GPL-2.0-only
/* An MPTCP listener, and a connection of it whose peer speaks plain TCP. */
#include "zdtmtst.h"

#include <net.h>
#include <unistd.h>

#define MPTCP 262

static int protocol_of(int fd)
{
	socklen_t len = sizeof(int);
	int protocol;

	must(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len));
	return protocol;
}

/* NULL: what one end writes the other one reads. */
static const char *talk(int from, int to)
{
	char c = 0;

	if (write(from, "x", 1) != 1)
		return "cannot be written to";
	return read(to, &c, 1) == 1 && c == 'x' ? NULL : "cannot be read from";
}

static void connection(struct net_addr *addr, int at, int protocol, int end[2])
{
	end[0] = must(socket(addr->sa.sa_family, SOCK_STREAM, protocol));
	must(connect(end[0], &addr->sa, addr->len));
	end[1] = must(accept(at, NULL, NULL));
}

static const char *check(struct net_addr *addr, int at, int end[2])
{
	const char *wrong = talk(end[0], end[1]);
	int more[2];

	if (!wrong)
		wrong = talk(end[1], end[0]);
	if (wrong)
		return wrong;
	if (protocol_of(end[0]) != IPPROTO_TCP || protocol_of(end[1]) != IPPROTO_TCP)
		return "is not of TCP";
	if (protocol_of(at) != MPTCP)
		return "has a listener that is not of MPTCP";
	connection(addr, at, MPTCP, more);
	if (protocol_of(more[1]) != MPTCP)
		return "has a listener that does not speak MPTCP";
	wrong = talk(more[0], more[1]);
	close(more[0]);
	close(more[1]);
	return wrong;
}

int main(int argc, char **argv)
{
	struct net_addr addr[2] = { net_loopback(NET_V4, 0), net_loopback(NET_V6, 0) };
	int at[2], end[2][2];
	const char *wrong;

	test_init(argc, argv);
	for (int i = 0; i < 2; i++) {
		at[i] = must(socket(addr[i].sa.sa_family, SOCK_STREAM, MPTCP));
		must(bind(at[i], &addr[i].sa, addr[i].len));
		must(listen(at[i], 5));
		must(getsockname(at[i], &addr[i].sa, &addr[i].len));
		connection(&addr[i], at[i], IPPROTO_TCP, end[i]);
	}
	test_daemon();
	test_waitsig();

	for (int i = 0; i < 2; i++)
		if ((wrong = check(&addr[i], at[i], end[i])))
			return fail("the connection by IPv%d %s", i ? 6 : 4, wrong);
	return pass();
}
