// SPDX-License-Identifier: GPL-2.0-only
/*
 * Siblings with one working directory (CLONE_FS), which is not their parent's: one made the other
 * with CLONE_PARENT; and their parent made two others and then left them its own (unshare).
 */
#include "zdtmtst.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHILDREN 4

static char *dirname;
TEST_OPTION(dirname, string, "directory to go to", true);

static struct ready ready;
static pid_t *pids; /* shared: 0, 1 and 2, 3 belong together */

/* Of two, the first goes to a directory, and then the second looks where it is. */
static int child(int nr)
{
	char cwd[PATH_MAX] = "", wanted[PATH_MAX];

	ready_report(&ready);
	test_waitsig();
	snprintf(wanted, sizeof(wanted), "%s/%d", dirname, nr / 2);
	if (nr % 2 == 0)
		must(chdir(wanted));
	expect(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, wanted), "child %d is in %s", nr, cwd);
	return 0;
}

static pid_t clone_child(int nr, unsigned long flags)
{
	pid_t pid = (pid_t)must(syscall(SYS_clone, flags, 0, 0, 0, 0));

	if (!pid)
		_exit(child(nr));
	return pid;
}

static int first(void *arg)
{
	(void)arg;
	pids[1] = clone_child(1, CLONE_FS | CLONE_PARENT | SIGCHLD);
	return child(0);
}

int main(int argc, char **argv)
{
	char path[PATH_MAX], before[PATH_MAX], after[PATH_MAX] = "";

	test_init(argc, argv);
	pids = map_anon(CHILDREN * sizeof(*pids), PROT_READ | PROT_WRITE, MAP_SHARED);
	must(mkdir(dirname, 0755));
	for (int i = 0; i < CHILDREN / 2; i++) {
		snprintf(path, sizeof(path), "%s/%d", dirname, i);
		must(mkdir(path, 0755));
	}
	ready_init(&ready);
	pids[0] = test_child(first, NULL);
	pids[2] = clone_child(2, CLONE_FS | SIGCHLD);
	pids[3] = clone_child(3, CLONE_FS | SIGCHLD);
	must(unshare(CLONE_FS));
	ready_collect(&ready, CHILDREN);
	expect(getcwd(before, sizeof(before)), "no working directory");
	test_daemon();
	test_waitsig();

	for (int i = 0; i < CHILDREN; i++)
		if (!test_stop(pids[i], "child"))
			fail("child %d is not well", i);
	if (!getcwd(after, sizeof(after)) || strcmp(before, after) != 0)
		fail("the parent is in %s", after);
	return pass();
}
