// SPDX-License-Identifier: GPL-2.0-only
/* Supplementary groups: many of them, beyond what fits one buffer line. */
#include "zdtmtst.h"

#include <grp.h>
#include <unistd.h>

#define GROUPS 500

static gid_t group_of(int i)
{
	return (gid_t)(1000 + i * 4000);
}

static int child(void *arg)
{
	gid_t groups[GROUPS + 1];
	int count;

	for (int i = 0; i < GROUPS; i++)
		groups[i] = group_of(i);
	must(setgroups(GROUPS, groups));
	ready_report(arg);
	test_waitsig();

	count = (int)must(getgroups(GROUPS + 1, groups));
	expect(count == GROUPS, "%d groups instead of %d", count, GROUPS);
	for (int i = 0; i < GROUPS; i++)
		expect(groups[i] == group_of(i), "group %d is %u", i, groups[i]);
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
		return fail("the child has other groups");
	return pass();
}
