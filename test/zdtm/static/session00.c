// SPDX-License-Identifier: GPL-2.0-only
/* A child that leads a session of its own, and a grandchild in that session. */
#include "zdtmtst.h"

#include <unistd.h>

static struct ready ready;

static int member(void *arg)
{
	pid_t leader = *(pid_t *)arg;

	ready_report(&ready);
	test_waitsig();
	expect(getsid(0) == leader, "session %d instead of %d", getsid(0), leader);
	expect(getpgrp() == leader, "group %d instead of %d", getpgrp(), leader);
	return 0;
}

static int leader(void *arg)
{
	pid_t self = (pid_t)must(setsid()), pid = test_child(member, &self);

	(void)arg;
	ready_report(&ready);
	test_waitsig();
	expect(getsid(0) == self, "the leader is in session %d", getsid(0));
	expect(setsid() == -1, "the leader could make a second session");
	expect(test_stop(pid, "member"), "the member is not well");
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(leader, NULL);
	ready_collect(&ready, 2);
	test_daemon();
	test_waitsig();

	if (getsid(0) != getpid())
		fail("the root is in session %d", getsid(0));
	if (getsid(pid) != pid)
		fail("the child is in session %d", getsid(pid));
	if (!test_stop(pid, "leader"))
		fail("the leader is not well");
	return pass();
}
