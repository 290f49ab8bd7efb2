// SPDX-License-Identifier: GPL-2.0-only
/* poll(2) without a timeout: it waits on, and sees what comes after the restore. */
#include "zdtmtst.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fds[2][2];
static uint32_t tid;

static void *poller(void *arg)
{
	struct pollfd *set = arg;

	__atomic_store_n(&tid, (uint32_t)gettid_raw(), __ATOMIC_SEQ_CST);
	futex_wake_all(&tid);
	return (void *)syscall(SYS_poll, set, 2, -1);
}

int main(int argc, char **argv)
{
	struct pollfd set[2] = { { .events = POLLIN }, { .events = POLLIN } };
	pthread_t thread;
	void *result;

	test_init(argc, argv);
	for (int i = 0; i < 2; i++) {
		must(pipe(fds[i]));
		set[i].fd = fds[i][0];
	}
	thread = test_thread(poller, set);
	futex_wait_change(&tid, 0);
	wait_in_syscall((pid_t)tid, SYS_poll);
	test_daemon();
	test_waitsig();

	must(write(fds[1][1], "x", 1));
	must0(pthread_join(thread, &result));
	if ((intptr_t)result != 1)
		return fail("poll returned %ld", (long)(intptr_t)result);
	if (set[0].revents || set[1].revents != POLLIN)
		return fail("events %#x and %#x", set[0].revents, set[1].revents);
	return pass();
}
