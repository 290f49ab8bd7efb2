// SPDX-License-Identifier: GPL-2.0-only
/*
 * pidfds of threads (PIDFD_THREAD): of a main thread, and of one that has ended. They are told of
 * the end of their thread, not of the process.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

static struct steps *steps;
static int dead = -1;

/* Its own, which it leaves behind. */
static void *ends(void *arg)
{
	(void)arg;
	dead = (int)syscall(SYS_pidfd_open, gettid(), PIDFD_THREAD);
	return NULL;
}

static int child(void *arg)
{
	(void)arg;
	steps_reach(steps, 1);
	test_waitsig();
	return 0;
}

static bool has_ended(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return must(poll(&p, 1, wait_ms)) > 0;
}

static int send_nothing(int fd)
{
	return syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) < 0 ? errno : 0;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int fd;
	pid_t pid;

	test_init(argc, argv);
	steps = steps_new();
	pid = test_child(child, NULL);
	steps_wait(steps, 1);
	fd = (int)must(syscall(SYS_pidfd_open, pid, PIDFD_THREAD));
	thread = test_thread(ends, NULL);
	must0(pthread_join(thread, NULL));
	expect(dead >= 0, "no pidfd of a thread");
	expect(has_ended(dead, -1), "the thread has not ended");
	test_daemon();
	test_waitsig();

	if (has_ended(fd, 0))
		fail("the main thread of the child has ended");
	if ((fcntl(fd, F_GETFL) & PIDFD_THREAD) != PIDFD_THREAD ||
	    (fcntl(dead, F_GETFL) & PIDFD_THREAD) != PIDFD_THREAD)
		fail("a pidfd is of a process now: flags %#o, %#o", fcntl(fd, F_GETFL),
		     fcntl(dead, F_GETFL));
	if (send_nothing(fd) != 0)
		fail("the child cannot be signalled: errno %d", send_nothing(fd));
	if (!has_ended(dead, 0) || send_nothing(dead) != ESRCH)
		fail("a dead thread is not dead: errno %d", send_nothing(dead));
	must(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	if (!has_ended(fd, -1))
		fail("not told of the end");
	if (!test_reap(pid, "the child"))
		fail("the child");
	return pass();
}
