// SPDX-License-Identifier: GPL-2.0-only
/* TCP sockets that are not connected: new, bound, and one whose connection is over. */
#include "zdtmtst.h"

#include <net.h>
#include <netinet/tcp.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct net_addr addr = net_loopback(NET_V6, 0), now = { .len = sizeof(now.v6) }, other;
	int fresh, bound, over[2], listener;

	test_init(argc, argv);
	fresh = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	bound = must(socket(AF_INET6, SOCK_STREAM, 0));
	must(bind(bound, &addr.sa, addr.len));
	must(getsockname(bound, &addr.sa, &addr.len));
	tcp_pair(NET_V4, over);
	must(shutdown(over[1], SHUT_WR));
	must(shutdown(over[0], SHUT_WR));
	tcp_wait_state(over[0], TCP_CLOSE);
	close(over[1]);
	test_daemon();
	test_waitsig();

	listener = tcp_listener(NET_V4, &other);
	if (tcp_state(fresh) != TCP_CLOSE)
		return fail("a new one is in state %d", tcp_state(fresh));
	connect(fresh, &other.sa, other.len);
	if (accept(listener, NULL, NULL) < 0)
		return fail("a new one does not connect");
	must(getsockname(bound, &now.sa, &now.len));
	if (now.v6.sin6_port != addr.v6.sin6_port)
		return fail("bound to port %d", ntohs(now.v6.sin6_port));
	must(listen(bound, 1));
	if (tcp_state(over[0]) != TCP_CLOSE || send(over[0], "x", 1, MSG_NOSIGNAL) >= 0)
		return fail("what was over is not");
	return pass();
}
