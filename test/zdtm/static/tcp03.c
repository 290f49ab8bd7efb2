// SPDX-License-Identifier: GPL-2.0-only
/* Connections that one end has closed for writing: FIN_WAIT2 here, CLOSE_WAIT with bytes there. */
#include "zdtmtst.h"

#include <net.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd[NET_WAYS][2];

	test_init(argc, argv);
	for (enum net_way w = 0; w < NET_WAYS; w++) {
		tcp_pair(w, fd[w]);
		must(send(fd[w][0], "last", 4, 0));
		must(shutdown(fd[w][0], SHUT_WR));
		tcp_wait_state(fd[w][0], TCP_FIN_WAIT2);
		tcp_wait_state(fd[w][1], TCP_CLOSE_WAIT);
	}
	test_daemon();
	test_waitsig();

	for (enum net_way w = 0; w < NET_WAYS; w++) {
		char buf[8] = "";

		if (tcp_state(fd[w][0]) != TCP_FIN_WAIT2 || tcp_state(fd[w][1]) != TCP_CLOSE_WAIT)
			return fail("%s: states %d and %d", net_name(w), tcp_state(fd[w][0]),
				    tcp_state(fd[w][1]));
		if (recv(fd[w][1], buf, sizeof(buf), 0) != 4 || strcmp(buf, "last") != 0)
			return fail("%s: received \"%s\"", net_name(w), buf);
		if (!tcp_at_end(fd[w][1]))
			return fail("%s: no end", net_name(w));
		if (send(fd[w][0], "x", 1, MSG_NOSIGNAL) == 1)
			return fail("%s: what was shut is open", net_name(w));
		if (!tcp_transfer(fd[w][1], fd[w][0], 1 << 18, 5))
			return fail("%s: the other direction", net_name(w));
		close(fd[w][1]);
		if (!tcp_at_end(fd[w][0]))
			return fail("%s: no end of the other direction", net_name(w));
		tcp_wait_state(fd[w][0], TCP_CLOSE);
	}
	return pass();
}
