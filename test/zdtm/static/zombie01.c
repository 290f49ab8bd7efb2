// SPDX-License-Identifier: GPL-2.0-only
/* A zombie that died of a signal. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int child(void *arg)
{
	(void)arg;
	pause();
	return 1;
}

int main(int argc, char **argv)
{
	siginfo_t info;
	int status;
	pid_t pid;

	test_init(argc, argv);
	pid = test_child(child, NULL);
	must(kill(pid, SIGKILL));
	must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	test_daemon();
	test_waitsig();

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) || info.si_pid != pid)
		return fail("there is no zombie to wait for");
	if (info.si_code != CLD_KILLED || info.si_status != SIGKILL)
		return fail("si_code %d, si_status %d", info.si_code, info.si_status);
	must(waitpid(pid, &status, 0));
	if (!test_signaled(status, SIGKILL, "zombie"))
		return fail("the signal is lost");
	return pass();
}
