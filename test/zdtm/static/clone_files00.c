// SPDX-License-Identifier: GPL-2.0-only
/* A child with CLONE_FILES: what it opens and closes, its parent has opened and closed. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPENED 50
#define CLOSED 51

static int child(void)
{
	test_waitsig();
	must(dup3(STDIN_FILENO, OPENED, O_CLOEXEC));
	must(close(CLOSED));
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	must(dup2(STDIN_FILENO, CLOSED));
	pid = (pid_t)must(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
	if (!pid)
		_exit(child());
	test_daemon();
	test_waitsig();

	if (!test_stop(pid, "child"))
		return fail("the child is not well");
	if (fcntl(OPENED, F_GETFD) != FD_CLOEXEC)
		fail("what the child opened is not open here");
	if (fcntl(CLOSED, F_GETFD) != -1 || errno != EBADF)
		fail("what the child closed is still open here");
	return pass();
}
