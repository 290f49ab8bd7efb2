// SPDX-License-Identifier: GPL-2.0-only
/* A child born before its parent made a session: it stays in the session of its grandparent. */
#include "zdtmtst.h"

#include <unistd.h>

static struct ready ready;
static pid_t root;

static int early(void *arg)
{
	(void)arg;
	ready_report(&ready);
	test_waitsig();
	expect(getsid(0) == root, "born early: session %d instead of %d", getsid(0), root);
	expect(getpgrp() == root, "born early: group %d instead of %d", getpgrp(), root);
	return 0;
}

static int late(void *arg)
{
	pid_t leader = getppid();

	(void)arg;
	ready_report(&ready);
	test_waitsig();
	expect(getsid(0) == leader, "born late: session %d instead of %d", getsid(0), leader);
	return 0;
}

static int middle(void *arg)
{
	pid_t first = test_child(early, NULL), second;

	(void)arg;
	must(setsid());
	second = test_child(late, NULL);
	ready_report(&ready);
	test_waitsig();
	expect(getsid(0) == getpid(), "the leader is in session %d", getsid(0));
	expect(test_stop(first, "born early"), "the early child is not well");
	expect(test_stop(second, "born late"), "the late child is not well");
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	root = getpid();
	ready_init(&ready);
	pid = test_child(middle, NULL);
	ready_collect(&ready, 3);
	test_daemon();
	test_waitsig();
	if (!test_stop(pid, "middle"))
		return fail("the sessions are mixed up");
	return pass();
}
