// SPDX-License-Identifier: GPL-2.0-only
/* A process that may not be dumped as a core (PR_SET_DUMPABLE) can be dumped all the same. */
#include "zdtmtst.h"

#include <sys/prctl.h>
#include <unistd.h>

static int child(void *arg)
{
	must(prctl(PR_SET_DUMPABLE, 0));
	ready_report(arg);
	test_waitsig();
	expect(prctl(PR_GET_DUMPABLE) == 0, "the child is dumpable: %d", prctl(PR_GET_DUMPABLE));
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (!test_stop(pid, "child"))
		return fail("the child is dumpable");
	return pass();
}
