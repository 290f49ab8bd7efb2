// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watched under a number that is closed, or another file's, or held only by a child. And the number
 * of the epoll file itself is one under which something is watched.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CLOSED = 1, REUSED, CHILDS, OWN };

static int efd;

static int make(int number, int events, uint64_t data)
{
	struct epoll_event ev = { .events = (uint32_t)events, .data.u64 = data };
	int fd = must(eventfd(0, EFD_NONBLOCK));

	must(dup2(fd, number));
	must(epoll_ctl(efd, EPOLL_CTL_ADD, number, &ev));
	must(close(number));
	return fd;
}

static int child(void *arg)
{
	const uint64_t one = 1;
	int *fd = arg;

	test_waitsig();
	return write(*fd, &one, sizeof(one)) != sizeof(one);
}

static bool tells(int fd, uint64_t data)
{
	struct epoll_event got[4];
	const uint64_t one = 1;
	uint64_t was;

	if (fd >= 0)
		must(write(fd, &one, sizeof(one)));
	if (epoll_wait(efd, got, 4, 0) != 1 || got[0].data.u64 != data)
		return false;
	if (fd >= 0)
		must(read(fd, &was, sizeof(was)));
	return true;
}

int main(int argc, char **argv)
{
	int closed, reused, childs, own, null;
	pid_t pid;

	test_init(argc, argv);
	efd = must(epoll_create1(0));
	closed = make(100, EPOLLIN, CLOSED);
	reused = make(101, EPOLLIN, REUSED);
	childs = make(102, EPOLLIN, CHILDS);
	own = make(103, EPOLLIN, OWN);
	null = must(open("/dev/null", O_RDWR | O_CLOEXEC));
	must(dup3(null, 101, O_CLOEXEC));
	must(dup2(efd, 103));
	must(close(efd));
	efd = 103;
	pid = test_child(child, &childs);
	must(close(childs));
	test_daemon();
	test_waitsig();

	if (fcntl(101, F_GETFD) != FD_CLOEXEC || fcntl(100, F_GETFD) >= 0)
		return fail("descriptors are not what they were");
	if (!tells(closed, CLOSED) || !tells(reused, REUSED) || !tells(own, OWN))
		return fail("an event is not told");
	if (!test_stop(pid, "child"))
		return fail("the child");
	if (epoll_wait(efd, &(struct epoll_event){ 0 }, 1, 0) != 0)
		return fail("a file that is closed everywhere is still watched");
	return pass();
}
