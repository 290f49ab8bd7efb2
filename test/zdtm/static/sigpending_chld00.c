// SPDX-License-Identifier: GPL-2.0-only
/* A blocked SIGCHLD waits for the process while its child is a zombie: exactly one, as it was. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int child(void *arg)
{
	(void)arg;
	return 21;
}

int main(int argc, char **argv)
{
	const struct timespec now = { 0 };
	siginfo_t info;
	sigset_t mask;
	pid_t pid;

	test_init(argc, argv);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	must(sigprocmask(SIG_BLOCK, &mask, NULL));
	pid = test_child(child, NULL);
	must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	test_daemon();
	test_waitsig();

	if (sigtimedwait(&mask, &info, &now) != SIGCHLD)
		return fail("SIGCHLD is not pending");
	if (info.si_code != CLD_EXITED || info.si_pid != pid || info.si_status != 21)
		return fail("si_code %d, pid %d, status %d", info.si_code, info.si_pid,
			    info.si_status);
	if (sigtimedwait(&mask, &info, &now) != -1)
		return fail("there is a second SIGCHLD");
	must(waitid(P_PID, (id_t)pid, &info, WEXITED));
	return pass();
}
