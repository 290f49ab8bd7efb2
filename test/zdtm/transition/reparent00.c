// SPDX-License-Identifier: GPL-2.0-only
/* Processes that die and leave their children to a reaper of orphans, all the time. */
#include "zdtmtst.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORPHAN_CODE 7
#define PARENT_CODE 9

static struct steps *steps;

/* Waits until its parent is dead and reaped, and looks whose child it is now. */
static int orphan(pid_t root, uint32_t step)
{
	steps_wait(steps, step);
	expect(getppid() == root, "the parent is %d instead of %d", getppid(), root);
	return ORPHAN_CODE;
}

/* Two generations: the orphan's orphan goes the same way. */
static int parent(pid_t root, uint32_t step)
{
	pid_t pid = (pid_t)must(fork());

	if (!pid) {
		pid = (pid_t)must(fork());
		_exit(pid ? PARENT_CODE : orphan(root, step));
	}
	return PARENT_CODE;
}

/* How many ended with CODE before one is left; they may come in any order. */
static bool reap(int code, int nr)
{
	for (int i = 0; i < nr; i++) {
		int status;

		if (waitpid(-1, &status, 0) < 0) {
			pr_perror("waitpid: %d of %d", i, nr);
			return false;
		}
		if (!test_exited(status, code, "child"))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	pid_t root;

	test_init(argc, argv);
	root = getpid();
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	steps = steps_new();
	test_daemon();
	for (uint32_t round = 1; test_go(); round++) {
		if (!must(fork()))
			_exit(parent(root, round));
		if (!reap(PARENT_CODE, 2))
			return fail("round %u: the parents are not well", round);
		if (waitpid(-1, NULL, WNOHANG) != 0)
			return fail("round %u: the orphan did not come", round);
		steps_reach(steps, round);
		if (!reap(ORPHAN_CODE, 1))
			return fail("round %u: the orphan is not well", round);
		if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
			return fail("round %u: there is one child more", round);
	}
	return pass();
}
