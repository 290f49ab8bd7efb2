// SPDX-License-Identifier: GPL-2.0-only
/* LAST_ACK: the other end was the first to close; ours has, too, with much that is still to go. */
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
		must(shutdown(fd[w][1], SHUT_WR));
		tcp_wait_state(fd[w][0], TCP_CLOSE_WAIT);
		must(shutdown(fd[w][0], SHUT_WR));
		tcp_wait_state(fd[w][0], TCP_LAST_ACK);
		tcp_wait_state(fd[w][1], TCP_FIN_WAIT2);
	}
	test_daemon();
	test_waitsig();

	for (enum net_way w = 0; w < NET_WAYS; w++) {
		if (tcp_state(fd[w][0]) != TCP_LAST_ACK || tcp_state(fd[w][1]) != TCP_FIN_WAIT2)
			return fail("%s: states %d and %d", net_name(w), tcp_state(fd[w][0]),
				    tcp_state(fd[w][1]));
		if (!tcp_at_end(fd[w][0]))
			return fail("%s: no end of what came", net_name(w));
		if (!tcp_drain(fd[w][1], size[w], w) || !tcp_at_end(fd[w][1]))
			return fail("%s: not all of it came", net_name(w));
		tcp_wait_state(fd[w][0], TCP_CLOSE);
	}
	return pass();
}
