// SPDX-License-Identifier: GPL-2.0-only
/* A process whose parent is dead is a child of the root, which is a subreaper. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ready ready;
static pid_t root;

static int orphan(void *arg)
{
	(void)arg;
	ready_report(&ready);
	test_waitsig();
	expect(getppid() == root, "parent %d instead of %d", getppid(), root);
	return 0;
}

static int middle(void *arg)
{
	pid_t *pid = arg;

	*pid = test_child(orphan, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t *orphan_pid, middle_pid;

	test_init(argc, argv);
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	root = getpid();
	orphan_pid = map_anon(sizeof(*orphan_pid), PROT_READ | PROT_WRITE, MAP_SHARED);
	ready_init(&ready);
	middle_pid = test_child(middle, orphan_pid);
	expect(test_reap(middle_pid, "middle"), "the parent of the orphan is not well");
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (!test_stop(*orphan_pid, "orphan"))
		return fail("the orphan is not our child any more");
	return pass();
}
