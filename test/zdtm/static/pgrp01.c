// SPDX-License-Identifier: GPL-2.0-only
/* A process group whose leader is dead and reaped. */
#include "zdtmtst.h"

#include <signal.h>
#include <unistd.h>

static struct ready ready;

static int member(void *arg)
{
	pid_t group = *(pid_t *)arg;

	ready_report(&ready);
	test_waitsig();
	expect(getpgrp() == group, "group %d instead of %d", getpgrp(), group);
	return 0;
}

static int leader(void *arg)
{
	(void)arg;
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	pid_t group, pid;

	test_init(argc, argv);
	ready_init(&ready);
	group = test_child(leader, NULL);
	must(setpgid(group, group));
	pid = test_child(member, &group);
	must(setpgid(pid, group));
	expect(test_stop(group, "leader"), "the leader is not well");
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	must(kill(-group, SIGTERM));
	if (!test_reap(pid, "member"))
		return fail("the member is not well");
	return pass();
}
