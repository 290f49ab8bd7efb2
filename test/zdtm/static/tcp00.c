// SPDX-License-Identifier: GPL-2.0-only
/* Listening sockets keep address, backlog and nature, and take connections. */
#include "zdtmtst.h"

#include <net.h>
#include <netinet/tcp.h>
#include <unistd.h>

static int backlog(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	must(getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len));
	return (int)info.tcpi_sacked;
}

static bool works(enum net_way way, int listener, const struct net_addr *addr)
{
	int client = must(socket(net_family(way), SOCK_STREAM, 0)), server;
	bool ok;

	must(connect(client, &addr->sa, addr->len));
	server = must(accept(listener, NULL, NULL));
	ok = tcp_transfer(client, server, 65536, 1) && tcp_transfer(server, client, 65536, 2);
	close(client);
	close(server);
	return ok;
}

int main(int argc, char **argv)
{
	struct net_addr addr[NET_WAYS], now;
	int fd[NET_WAYS], only, value = 1;
	socklen_t len = sizeof(value);

	test_init(argc, argv);
	for (enum net_way w = 0; w < NET_WAYS; w++) {
		fd[w] = tcp_listener(w, &addr[w]);
		must(listen(fd[w], 20 + (int)w));
	}
	/* An address of all interfaces, and IPv6 alone. */
	only = must(socket(AF_INET6, SOCK_STREAM, 0));
	must(setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &value, sizeof(value)));
	must(listen(only, 5));
	test_daemon();
	test_waitsig();

	for (enum net_way w = 0; w < NET_WAYS; w++) {
		now.len = sizeof(now.v6);
		must(getsockname(fd[w], &now.sa, &now.len));
		if (now.v4.sin_port != addr[w].v4.sin_port)
			return fail("%s: another port", net_name(w));
		if (backlog(fd[w]) != 20 + (int)w)
			return fail("%s: the backlog is %d", net_name(w), backlog(fd[w]));
		if (!works(w, fd[w], &addr[w]))
			return fail("%s: no connection", net_name(w));
	}
	value = 0;
	must(getsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len));
	if (!value || tcp_state(only) != TCP_LISTEN)
		return fail("no listener for IPv6 alone any more");
	return pass();
}
