// SPDX-License-Identifier: GPL-2.0-only
/*
 * pidfds of threads that run and are no main ones (PIDFD_THREAD): a process has those of its own
 * and of its child's, the child has one in common with its parent, twice.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

#define SAME 60

static struct steps *steps;
static pid_t *tids; /* shared: of the parent's thread, of the child's */
static int own;

static void *lives(void *arg)
{
	tids[(long)arg] = gettid_raw();
	steps_reach(steps, 1 + (uint32_t)(long)arg);
	steps_wait(steps, 4 + (uint32_t)(long)arg);
	return NULL;
}

static bool has_ended(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return must(poll(&p, 1, wait_ms)) > 0;
}

/* A signal for nobody: 0 as long as the thread lives. */
static int send_nothing(int fd)
{
	return syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) < 0 ? errno : 0;
}

static int child(void *arg)
{
	pthread_t thread = test_thread(lives, (void *)1L);

	(void)arg;
	steps_wait(steps, 2);
	must(dup3(own, SAME, O_CLOEXEC));
	steps_reach(steps, 3);
	test_waitsig();
	expect(send_nothing(own) == ESRCH, "the thread of the parent lives");
	expect(send_nothing(SAME) == ESRCH, "the thread of the parent lives, says the copy");
	expect(fcntl(SAME, F_GETFD) == FD_CLOEXEC, "the copy has lost its flag");
	steps_reach(steps, 5);
	must0(pthread_join(thread, NULL));
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int other;
	pid_t pid;

	test_init(argc, argv);
	steps = steps_new();
	tids = map_anon(2 * sizeof(*tids), PROT_READ | PROT_WRITE, MAP_SHARED);
	thread = test_thread(lives, NULL);
	steps_wait(steps, 1);
	own = (int)must(syscall(SYS_pidfd_open, tids[0], PIDFD_THREAD | O_NONBLOCK));
	pid = test_child(child, NULL);
	steps_wait(steps, 3);
	other = (int)must(syscall(SYS_pidfd_open, tids[1], PIDFD_THREAD));
	must(fcntl(other, F_SETFD, 0));
	test_daemon();
	test_waitsig();

	if (send_nothing(own) || send_nothing(other))
		fail("the threads are gone: errno %d, %d", send_nothing(own), send_nothing(other));
	if (has_ended(own, 0) || has_ended(other, 0))
		fail("the threads have ended");
	if ((fcntl(own, F_GETFL) & (PIDFD_THREAD | O_NONBLOCK)) != (PIDFD_THREAD | O_NONBLOCK))
		fail("the flags are %#o", fcntl(own, F_GETFL));
	steps_reach(steps, 4);
	must0(pthread_join(thread, NULL));
	if (!has_ended(own, -1) || has_ended(other, 0))
		fail("it was the wrong one that ended");
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	if (!has_ended(other, -1))
		fail("not told of the end of the child's thread");
	return pass();
}
