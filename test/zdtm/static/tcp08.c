// SPDX-License-Identifier: GPL-2.0-only
/* Listeners that share a port by SO_REUSEPORT, in two processes; and their connections. */
#include "zdtmtst.h"

#include <net.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

static int listener_more(struct net_addr *addr)
{
	int fd = must(socket(AF_INET, SOCK_STREAM, 0)), on = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
	must(bind(fd, &addr->sa, addr->len));
	must(listen(fd, 8));
	must(getsockname(fd, &addr->sa, &addr->len));
	return fd;
}

static int child(void *arg)
{
	int fd = *(int *)arg;

	test_waitsig();
	return tcp_state(fd) == TCP_LISTEN ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct net_addr addr = net_loopback(NET_V4, 0);
	int fd[2], end[2], more, on = 0;
	socklen_t len = sizeof(on);
	struct pollfd p[3];
	pid_t pid;

	test_init(argc, argv);
	for (int i = 0; i < 2; i++)
		fd[i] = listener_more(&addr);
	pid = must(test_child(child, &fd[1]));
	end[0] = must(socket(AF_INET, SOCK_STREAM, 0));
	must(connect(end[0], &addr.sa, addr.len));
	for (int i = 0; i < 2; i++)
		p[i] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
	must(poll(p, 2, -1));
	end[1] = must(accept(p[0].revents ? fd[0] : fd[1], NULL, NULL));
	test_daemon();
	test_waitsig();

	must(getsockopt(fd[0], SOL_SOCKET, SO_REUSEPORT, &on, &len));
	if (!on)
		return fail("no SO_REUSEPORT any more");
	must(getsockopt(fd[0], SOL_SOCKET, SO_REUSEADDR, &on, &len));
	if (on)
		return fail("SO_REUSEADDR was not set");
	must(getsockopt(end[1], SOL_SOCKET, SO_REUSEADDR, &on, &len));
	if (on)
		return fail("SO_REUSEADDR of a connection was not set");
	more = listener_more(&addr);
	for (int i = 0; i < 30; i++) {
		int client = must(socket(AF_INET, SOCK_STREAM, 0));

		must(connect(client, &addr.sa, addr.len));
		p[2] = (struct pollfd){ .fd = more, .events = POLLIN };
		must(poll(p, 3, -1));
		for (int j = 0; j < 3; j++)
			if (p[j].revents)
				close(must(accept(p[j].fd, NULL, NULL)));
		close(client);
	}
	if (!tcp_transfer(end[0], end[1], 65536, 1))
		return fail("the connection");
	return test_stop(pid, "the child") ? pass() : fail("the child");
}
