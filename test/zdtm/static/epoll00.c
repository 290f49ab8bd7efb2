// SPDX-License-Identifier: GPL-2.0-only
/* What is watched, for which events, with which data; level and edge triggered; nested. */
#include "zdtmtst.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void watch(int efd, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	must(epoll_ctl(efd, EPOLL_CTL_ADD, fd, &ev));
}

int main(int argc, char **argv)
{
	const uint64_t one = 1, data = 0xfedcba9876543210ull;
	int outer, inner, event, ends[2];
	struct epoll_event got[4];
	uint64_t sum = 0;

	test_init(argc, argv);
	outer = must(epoll_create1(EPOLL_CLOEXEC));
	inner = must(epoll_create1(0));
	event = must(eventfd(0, EFD_NONBLOCK));
	must(pipe(ends));
	watch(outer, inner, EPOLLIN, 1);
	watch(inner, event, EPOLLIN | EPOLLET, data);
	watch(inner, ends[1], EPOLLOUT | EPOLLONESHOT, 3);
	watch(inner, ends[0], EPOLLIN, 4);
	test_daemon();
	test_waitsig();

	if (epoll_wait(outer, got, 4, 0) != 1 || got[0].data.u64 != 1)
		return fail("the inner one has an event, and the outer does not say so");
	if (epoll_wait(inner, got, 4, 0) != 1 || got[0].data.u64 != 3 || got[0].events != EPOLLOUT)
		return fail("the pipe can be written to, and it is not said");
	if (epoll_wait(inner, got, 4, 0) != 0)
		return fail("a one-shot watch fires twice");
	must(write(event, &one, sizeof(one)));
	must(write(ends[1], "x", 1));
	if (epoll_wait(inner, got, 4, 0) != 2)
		return fail("two events are not told");
	for (int i = 0; i < 2; i++)
		sum += got[i].data.u64;
	if (sum != data + 4)
		return fail("data is %llx", (unsigned long long)sum);
	if (epoll_wait(inner, got, 4, 0) != 1 || got[0].data.u64 != 4)
		return fail("edge and level are mixed up");
	return pass();
}
