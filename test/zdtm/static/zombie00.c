// SPDX-License-Identifier: GPL-2.0-only
/* A zombie keeps its exit code, and its parent can still wait for it. */
#include "zdtmtst.h"

#include <sys/wait.h>
#include <unistd.h>

static int child(void *arg)
{
	(void)arg;
	return 73;
}

int main(int argc, char **argv)
{
	siginfo_t info;
	int status;
	pid_t pid;

	test_init(argc, argv);
	pid = test_child(child, NULL);
	must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	test_daemon();
	test_waitsig();

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) || info.si_pid != pid)
		return fail("there is no zombie to wait for");
	if (info.si_code != CLD_EXITED || info.si_status != 73)
		return fail("si_code %d, si_status %d", info.si_code, info.si_status);
	must(waitpid(pid, &status, 0));
	if (!test_exited(status, 73, "zombie"))
		return fail("the exit code is lost");
	if (waitpid(-1, &status, WNOHANG) != -1)
		return fail("there is one child more");
	return pass();
}
