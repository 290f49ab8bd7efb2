// SPDX-License-Identifier: GPL-2.0-only
/* Connections that are full in both directions: received, sent and unsent bytes all arrive. */
#include "zdtmtst.h"

#include <net.h>

int main(int argc, char **argv)
{
	size_t size[NET_WAYS][2];
	int fd[NET_WAYS][2];

	test_init(argc, argv);
	for (enum net_way w = 0; w < NET_WAYS; w++) {
		tcp_pair(w, fd[w]);
		for (int i = 0; i < 2; i++)
			size[w][i] = tcp_fill(fd[w][i], 10 * w + (uint32_t)i);
	}
	test_daemon();
	test_waitsig();

	for (enum net_way w = 0; w < NET_WAYS; w++) {
		for (int i = 0; i < 2; i++)
			if (!tcp_drain(fd[w][!i], size[w][i], 10 * w + (uint32_t)i))
				return fail("%s: the way from end %d", net_name(w), i);
		for (int i = 0; i < 2; i++)
			if (!tcp_transfer(fd[w][i], fd[w][!i], 1 << 18, 77))
				return fail("%s: nothing more goes from end %d", net_name(w), i);
	}
	return pass();
}
