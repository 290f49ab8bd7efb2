// SPDX-License-Identifier: GPL-2.0-only
/* One-shot watches that have fired stay silent until they are armed again, errors included. */
#include "zdtmtst.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLONESHOT, .data.u64 = 7 }, got[4];
	int efd, event, ends[2];

	test_init(argc, argv);
	efd = must(epoll_create1(0));
	event = must(eventfd(0, 0));
	must(pipe(ends));
	must(epoll_ctl(efd, EPOLL_CTL_ADD, event, &ev));
	must(epoll_ctl(efd, EPOLL_CTL_ADD, ends[1], &ev));
	if (epoll_wait(efd, got, 4, 0) != 2)
		return fail("setting the scene");
	test_daemon();
	test_waitsig();

	if (epoll_wait(efd, got, 4, 0) != 0)
		return fail("it fires again");
	must(close(ends[0]));
	if (epoll_wait(efd, got, 4, 0) != 0)
		return fail("it tells of an error");
	must(epoll_ctl(efd, EPOLL_CTL_MOD, event, &ev));
	if (epoll_wait(efd, got, 4, 0) != 1 || got[0].data.u64 != 7 || got[0].events != EPOLLOUT)
		return fail("armed again, it does not fire");
	return pass();
}
