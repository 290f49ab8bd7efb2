// SPDX-License-Identifier: GPL-2.0-only
/* A grandchild with the working directory of the root (CLONE_FS), and a child between with its own
 * and with the descriptors of the grandchild. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPENED 50

static struct steps *steps;
static struct ready ready;

static int grandchild(void)
{
	steps_wait(steps, 1);
	ready_report(&ready);
	test_waitsig();
	must(umask(0123));
	must(dup3(STDIN_FILENO, OPENED, O_CLOEXEC));
	return 0;
}

static int child(void *arg)
{
	pid_t pid = (pid_t)must(syscall(SYS_clone, CLONE_FS | CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
	mode_t mask;

	(void)arg;
	if (!pid)
		_exit(grandchild());
	must(unshare(CLONE_FS));
	steps_reach(steps, 1);
	test_waitsig();
	expect(test_stop(pid, "grandchild"), "the grandchild is not well");
	mask = umask(0);
	expect(mask == 045, "the mask of the child is %#o", mask);
	expect(fcntl(OPENED, F_GETFD) == FD_CLOEXEC, "the descriptors of the child are its own");
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;
	mode_t mask;

	test_init(argc, argv);
	umask(045);
	steps = steps_new();
	ready_init(&ready);
	pid = (pid_t)must(syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0));
	if (!pid)
		_exit(child(NULL));
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (!test_stop(pid, "child"))
		fail("the child is not well");
	mask = umask(0);
	if (mask != 0123)
		fail("the mask of the root is %#o", mask);
	if (fcntl(OPENED, F_GETFD) >= 0)
		fail("the root has the descriptors of the child");
	return pass();
}
