// SPDX-License-Identifier: GPL-2.0-only
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zdtmtst.h"

#define PIECE     16384
#define FILL_MAX  (64 << 20)
#define FULL_TICK 20000 /* us in which nothing more fits */
#define FULL_NR   10

const char *net_name(enum net_way way)
{
	static const char *const names[] = { "v4", "v6", "v4-in-v6" };

	return names[way];
}

int net_family(enum net_way way)
{
	return way == NET_V4 ? AF_INET : AF_INET6;
}

struct net_addr net_loopback(enum net_way way, uint16_t port)
{
	struct net_addr a = { .len = sizeof(a.v6) };

	if (way == NET_V4) {
		a.len = sizeof(a.v4);
		a.v4.sin_family = AF_INET;
		a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		a.v4.sin_port = htons(port);
		return a;
	}
	a.v6.sin6_family = AF_INET6;
	a.v6.sin6_port = htons(port);
	inet_pton(AF_INET6, way == NET_V6 ? "::1" : "::ffff:127.0.0.1", &a.v6.sin6_addr);
	return a;
}

int tcp_listener(enum net_way way, struct net_addr *addr)
{
	int fd = must(socket(net_family(way), SOCK_STREAM, 0));

	*addr = net_loopback(way, 0);
	must(bind(fd, &addr->sa, addr->len));
	must(listen(fd, 8));
	must(getsockname(fd, &addr->sa, &addr->len));
	return fd;
}

void tcp_pair(enum net_way way, int end[2])
{
	struct net_addr addr;
	int listener = tcp_listener(way, &addr);

	end[0] = must(socket(net_family(way), SOCK_STREAM, 0));
	must(connect(end[0], &addr.sa, addr.len));
	end[1] = must(accept(listener, NULL, NULL));
	close(listener);
}

int tcp_state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	must(getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len));
	return info.tcpi_state;
}

void tcp_wait_state(int fd, int state)
{
	while (tcp_state(fd) != state)
		usleep(1000);
}

static bool receive(int fd, void *buf, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = recv(fd, (char *)buf + got, size - got, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n < 0)
				pr_perror("recv after %zu of %zu bytes", got, size);
			else
				test_msg("the end after %zu of %zu bytes\n", got, size);
			return false;
		}
		got += (size_t)n;
	}
	return true;
}

bool tcp_transfer(int from, int to, size_t size, uint32_t seed)
{
	char buf[PIECE];

	for (size_t at = 0; at < size; at += sizeof(buf)) {
		datagen(buf, sizeof(buf), seed + (uint32_t)at);
		if (send(from, buf, sizeof(buf), MSG_NOSIGNAL) != sizeof(buf)) {
			pr_perror("send");
			return false;
		}
		memset(buf, 0, sizeof(buf));
		if (!receive(to, buf, sizeof(buf)))
			return false;
		if (datachk(buf, sizeof(buf), seed + (uint32_t)at) != sizeof(buf)) {
			test_msg("other bytes after %zu\n", at);
			return false;
		}
	}
	return true;
}

size_t tcp_fill(int fd, uint32_t seed)
{
	char *all = malloc(FILL_MAX);
	size_t sent = 0;
	int full = 0;

	expect(all, "no memory");
	datagen(all, FILL_MAX, seed);
	/* What is under way makes room a moment later. */
	while (full < FULL_NR && sent < FILL_MAX) {
		ssize_t n = send(fd, all + sent, FILL_MAX - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			sent += (size_t)n;
			full = 0;
			continue;
		}
		expect(errno == EAGAIN, "send: errno %d", errno);
		full++;
		usleep(FULL_TICK);
	}
	expect(sent < FILL_MAX, "%d bytes did not fill it", FILL_MAX);
	free(all);
	return sent;
}

bool tcp_drain(int fd, size_t size, uint32_t seed)
{
	char *all = malloc(size);
	bool ok = all && receive(fd, all, size);
	size_t good = ok ? datachk(all, size, seed) : 0;

	if (ok && good != size)
		test_msg("other bytes after %zu of %zu\n", good, size);
	free(all);
	return ok && good == size;
}

bool tcp_at_end(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	if (n < 0)
		pr_perror("recv at the end");
	else if (n > 0)
		test_msg("a byte more than there should be\n");
	return n == 0;
}
