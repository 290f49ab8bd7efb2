// SPDX-License-Identifier: GPL-2.0-only
/* sigsuspend(2): waits on with its temporary mask, and the old mask is back afterwards. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t first, second;

static void note(int sig)
{
	if (sig == SIGUSR1)
		first++;
	else
		second++;
}

static int child(void *arg)
{
	sigset_t mask, now;

	must(signal(SIGUSR1, note));
	must(signal(SIGUSR2, note));
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGUSR2);
	must(sigprocmask(SIG_SETMASK, &mask, NULL));
	sigdelset(&mask, SIGUSR1);
	ready_report(arg);
	sigsuspend(&mask);
	expect(errno == EINTR, "errno %d", errno);
	expect(first == 1 && second == 0, "woken by %d and %d signals", (int)first, (int)second);
	must(sigprocmask(SIG_SETMASK, NULL, &now));
	expect(sigismember(&now, SIGUSR1) && sigismember(&now, SIGUSR2), "the old mask is lost");
	must(sigpending(&now));
	expect(sigismember(&now, SIGUSR2), "the blocked signal is lost");
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
	wait_in_syscall(pid, SYS_rt_sigsuspend);
	test_daemon();
	test_waitsig();

	must(kill(pid, SIGUSR2));
	must(kill(pid, SIGUSR1));
	if (!test_reap(pid, "child"))
		return fail("the child did not wait as it should");
	return pass();
}
