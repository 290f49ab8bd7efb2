// SPDX-License-Identifier: GPL-2.0-only
/* A process that may not execute what it has written (PR_SET_MDWE), and its child that may. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef PR_SET_MDWE /* Linux 6.3 */
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#define REFUSE_EXEC_GAIN 1
#define NO_INHERIT       2

#define PAGE 4096

static bool gains(void)
{
	return mprotect(map_anon(PAGE, PROT_READ | PROT_WRITE, 0), PAGE, PROT_READ | PROT_EXEC) ==
	       0;
}

static int child(void *arg)
{
	ready_report(arg);
	test_waitsig();
	expect(must(prctl(PR_GET_MDWE, 0, 0, 0, 0)) == 0, "the child has it, too");
	expect(gains(), "the child may not execute");
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	char *before;
	pid_t pid;
	long now;

	test_init(argc, argv);
	before = map_anon(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
	before[0] = 7;
	must(prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN | NO_INHERIT, 0, 0, 0));
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	now = must(prctl(PR_GET_MDWE, 0, 0, 0, 0));
	if (now != (REFUSE_EXEC_GAIN | NO_INHERIT))
		fail("PR_GET_MDWE: %ld", now);
	if (gains())
		fail("may execute what was written");
	if (before[0]++ != 7)
		fail("what it had before is gone");
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	return pass();
}
