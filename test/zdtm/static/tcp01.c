// SPDX-License-Identifier: GPL-2.0-only
/* Both ends of connections, with nothing under way, go on in both directions. */
#include "zdtmtst.h"

#include <net.h>
#include <netinet/tcp.h>
#include <string.h>

#define SIZE (1 << 20)

static struct net_addr name_of(int fd,
			       int (*get)(int, struct sockaddr *restrict, socklen_t *restrict))
{
	struct net_addr a;

	memset(&a, 0, sizeof(a));
	a.len = sizeof(a.v6);
	must(get(fd, &a.sa, &a.len));
	return a;
}

int main(int argc, char **argv)
{
	struct net_addr name[NET_WAYS][2], peer[NET_WAYS][2], now;
	int fd[NET_WAYS][2];

	test_init(argc, argv);
	for (enum net_way w = 0; w < NET_WAYS; w++) {
		tcp_pair(w, fd[w]);
		expect(tcp_transfer(fd[w][0], fd[w][1], SIZE, 1), "%s", net_name(w));
		for (int i = 0; i < 2; i++) {
			name[w][i] = name_of(fd[w][i], getsockname);
			peer[w][i] = name_of(fd[w][i], getpeername);
		}
	}
	test_daemon();
	test_waitsig();

	for (enum net_way w = 0; w < NET_WAYS; w++) {
		for (int i = 0; i < 2; i++) {
			now = name_of(fd[w][i], getsockname);
			if (memcmp(&now, &name[w][i], sizeof(now)) != 0)
				return fail("%s: end %d has another name", net_name(w), i);
			now = name_of(fd[w][i], getpeername);
			if (memcmp(&now, &peer[w][i], sizeof(now)) != 0)
				return fail("%s: end %d has another peer", net_name(w), i);
			if (tcp_state(fd[w][i]) != TCP_ESTABLISHED)
				return fail("%s: end %d is in state %d", net_name(w), i,
					    tcp_state(fd[w][i]));
		}
		if (!tcp_transfer(fd[w][0], fd[w][1], SIZE, 2) ||
		    !tcp_transfer(fd[w][1], fd[w][0], SIZE, 3))
			return fail("%s: not what was sent", net_name(w));
	}
	return pass();
}
