// SPDX-License-Identifier: GPL-2.0-only
/* pause(2): nothing but a signal of the test's own may end it. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void count(int sig)
{
	(void)sig;
	signals++;
}

static int child(void *arg)
{
	int result;

	must(signal(SIGUSR1, count));
	ready_report(arg);
	result = pause();
	expect(result == -1 && errno == EINTR, "pause returned %d, errno %d", result, errno);
	expect(signals == 1, "pause ended after %d signals", (int)signals);
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	wait_in_syscall(pid, SYS_pause);
	test_daemon();
	test_waitsig();

	must(kill(pid, SIGUSR1));
	if (!test_reap(pid, "child"))
		return fail("the child did not wait as it should");
	return pass();
}
