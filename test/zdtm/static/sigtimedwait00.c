// SPDX-License-Identifier: GPL-2.0-only
/* sigtimedwait(2) gets a signal that is sent after the restore, with its value. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int child(void *arg)
{
	const struct timespec long_time = { .tv_sec = 3600 };
	siginfo_t info;
	sigset_t mask;
	int sig;

	sigemptyset(&mask);
	sigaddset(&mask, SIGRTMIN + 3);
	must(sigprocmask(SIG_BLOCK, &mask, NULL));
	ready_report(arg);
	/* signal(7): this call may end with EINTR when the process was stopped and goes on. */
	do
		sig = sigtimedwait(&mask, &info, &long_time);
	while (sig == -1 && errno == EINTR);
	expect(sig == SIGRTMIN + 3, "sigtimedwait returned %d, errno %d", sig, errno);
	expect(info.si_code == SI_QUEUE && info.si_pid == getppid(), "si_code %d from pid %d",
	       info.si_code, info.si_pid);
	expect(info.si_value.sival_int == 4711, "value %d", info.si_value.sival_int);
	return 0;
}

int main(int argc, char **argv)
{
	const union sigval value = { .sival_int = 4711 };
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	wait_in_syscall(pid, SYS_rt_sigtimedwait);
	test_daemon();
	test_waitsig();

	must(sigqueue(pid, SIGRTMIN + 3, value));
	if (!test_reap(pid, "child"))
		return fail("the child did not get its signal");
	return pass();
}
