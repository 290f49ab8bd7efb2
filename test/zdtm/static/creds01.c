// SPDX-License-Identifier: GPL-2.0-only
/* A process that has given up root for good, which makes it undumpable too. */
#include "zdtmtst.h"

#include <sys/prctl.h>
#include <unistd.h>

static int child(void *arg)
{
	int dumpable;

	must(setresgid(65534, 65534, 65534));
	must(setresuid(65534, 65534, 65534));
	dumpable = prctl(PR_GET_DUMPABLE);
	ready_report(arg);
	test_waitsig();
	expect(getuid() == 65534 && geteuid() == 65534, "user %u, %u", getuid(), geteuid());
	expect(setuid(0) == -1, "the child can become root");
	expect(prctl(PR_GET_DUMPABLE) == dumpable, "dumpable %d instead of %d",
	       prctl(PR_GET_DUMPABLE), dumpable);
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
		return fail("the child is not what it was");
	return pass();
}
