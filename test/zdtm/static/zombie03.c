// SPDX-License-Identifier: GPL-2.0-only
/* Bringing a zombie back sends no second SIGCHLD to a parent that has handled the first. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static uint32_t signals;

static void count(int sig)
{
	(void)sig;
	signals++;
}

static int child(void *arg)
{
	(void)arg;
	return 5;
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };
	siginfo_t info;
	pid_t pid;

	test_init(argc, argv);
	must(sigaction(SIGCHLD, &action, NULL));
	pid = test_child(child, NULL);
	futex_wait_change(&signals, 0);
	must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	test_daemon();
	test_waitsig();

	if (signals != 1)
		return fail("%u SIGCHLD for one zombie", signals);
	must(waitid(P_PID, (id_t)pid, &info, WEXITED));
	if (info.si_status != 5)
		return fail("exit code %d instead of 5", info.si_status);
	return pass();
}
