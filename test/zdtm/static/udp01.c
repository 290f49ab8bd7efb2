// SPDX-License-Identifier: GPL-2.0-only
/* UDP sockets that are shut down for receiving, for sending, for both. */
#include "zdtmtst.h"

#include <net.h>
#include <poll.h>
#include <sys/socket.h>

static const int how[] = { SHUT_RD, SHUT_WR, SHUT_RDWR };

int main(int argc, char **argv)
{
	struct net_addr addr = net_loopback(NET_V4, 0);
	int sink, fd[3];

	test_init(argc, argv);
	sink = must(socket(AF_INET, SOCK_DGRAM, 0));
	must(bind(sink, &addr.sa, addr.len));
	must(getsockname(sink, &addr.sa, &addr.len));
	for (int i = 0; i < 3; i++) {
		fd[i] = must(socket(AF_INET, SOCK_DGRAM, 0));
		must(connect(fd[i], &addr.sa, addr.len));
		must(shutdown(fd[i], how[i]));
	}
	test_daemon();
	test_waitsig();

	for (int i = 0; i < 3; i++) {
		struct pollfd p = { .fd = fd[i], .events = POLLRDHUP };
		bool sends = send(fd[i], "x", 1, MSG_NOSIGNAL) == 1;
		bool open;

		must(poll(&p, 1, 0));
		open = !(p.revents & POLLRDHUP);

		if (sends != (how[i] == SHUT_RD))
			return fail("%d: it %s", i, sends ? "sends" : "does not send");
		if (open != (how[i] == SHUT_WR))
			return fail("%d: it %s", i, open ? "receives" : "does not receive");
	}
	return pass();
}
