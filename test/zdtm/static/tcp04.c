// SPDX-License-Identifier: GPL-2.0-only
/* FIN_WAIT1: closed for writing while much of it has not gone out yet. */
#include "zdtmtst.h"

#include <net.h>
#include <netinet/tcp.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size[NET_WAYS];
	int fd[NET_WAYS][2];

	test_init(argc, argv);
	for (enum net_way w = 0; w < NET_WAYS; w++) {
		tcp_pair(w, fd[w]);
		size[w] = tcp_fill(fd[w][0], w);
		must(shutdown(fd[w][0], SHUT_WR));
		expect(tcp_state(fd[w][0]) == TCP_FIN_WAIT1, "it is all gone");
	}
	test_daemon();
	test_waitsig();

	for (enum net_way w = 0; w < NET_WAYS; w++) {
		if (tcp_state(fd[w][0]) != TCP_FIN_WAIT1)
			return fail("%s: state %d", net_name(w), tcp_state(fd[w][0]));
		if (!tcp_drain(fd[w][1], size[w], w) || !tcp_at_end(fd[w][1]))
			return fail("%s: not all of it came", net_name(w));
		tcp_wait_state(fd[w][0], TCP_FIN_WAIT2);
		if (!tcp_transfer(fd[w][1], fd[w][0], 1 << 18, 5))
			return fail("%s: the other direction", net_name(w));
	}
	return pass();
}
