// SPDX-License-Identifier: GPL-2.0-only
/* The child subreaper flag of one process out of two, and that it still works. */
#include "zdtmtst.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int orphan(void *arg)
{
	(void)arg;
	return 33;
}

static int middle(void *arg)
{
	(void)arg;
	test_child(orphan, NULL);
	return 0;
}

static int reaper(void *arg)
{
	int flag = 0, status;

	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	ready_report(arg);
	test_waitsig();
	must(prctl(PR_GET_CHILD_SUBREAPER, &flag));
	expect(flag == 1, "the flag is %d", flag);
	expect(test_reap(test_child(middle, NULL), "middle"), "the middle one is not well");
	must(waitpid(-1, &status, 0));
	expect(test_exited(status, 33, "orphan"), "we got something else than the orphan");
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	int flag = 1;
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(reaper, &ready);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	must(prctl(PR_GET_CHILD_SUBREAPER, &flag));
	if (flag)
		fail("the root has become a subreaper");
	if (!test_stop(pid, "reaper"))
		fail("the child is no subreaper");
	return pass();
}
