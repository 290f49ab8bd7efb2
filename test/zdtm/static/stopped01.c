// SPDX-License-Identifier: GPL-2.0-only
/* A child stopped by SIGTSTP, of which the parent has not heard yet: which signal it was. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int child(void *arg)
{
	ready_report(arg);
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	siginfo_t info;
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	must(setpgid(pid, pid)); /* not an orphaned group: SIGTSTP would be ignored there */
	must(kill(pid, SIGTSTP));
	must(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT));
	test_daemon();
	test_waitsig();

	info.si_pid = 0;
	must(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG));
	if (info.si_pid != pid)
		return fail("the stop is not reported to the parent");
	if (info.si_code != CLD_STOPPED || info.si_status != SIGTSTP)
		return fail("si_code %d, si_status %d", info.si_code, info.si_status);
	must(kill(pid, SIGTERM));
	must(kill(pid, SIGCONT));
	if (!test_reap(pid, "child"))
		return fail("the child is not well");
	return pass();
}
