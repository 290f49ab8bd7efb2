// SPDX-License-Identifier: GPL-2.0-only
/* A child with CLONE_FS: its working directory and its umask are its parent's. */
#include "zdtmtst.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *dirname;
TEST_OPTION(dirname, string, "directory to go to", true);

static int child(void)
{
	test_waitsig();
	must(chdir(dirname));
	umask(0246);
	return 0;
}

int main(int argc, char **argv)
{
	char cwd[4096];
	mode_t mask;
	pid_t pid;

	test_init(argc, argv);
	must(mkdir(dirname, 0755));
	pid = (pid_t)must(syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0));
	if (!pid)
		_exit(child());
	test_daemon();
	test_waitsig();

	if (!test_stop(pid, "child"))
		return fail("the child is not well");
	if (!getcwd(cwd, sizeof(cwd)) || strcmp(cwd, dirname))
		fail("the parent is in %s", cwd);
	mask = umask(0);
	if (mask != 0246)
		fail("the parent's mask is %#o", mask);
	return pass();
}
