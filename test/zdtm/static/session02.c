// SPDX-License-Identifier: GPL-2.0-only
/* A session whose leader is dead and reaped; two members of it are left. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <sys/prctl.h>
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
	pid_t *members = arg, self = (pid_t)must(setsid());

	members[0] = test_child(member, &self);
	members[1] = test_child(member, &self);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t *members;

	test_init(argc, argv);
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	members = map_anon(4096, PROT_READ | PROT_WRITE, MAP_SHARED);
	ready_init(&ready);
	expect(test_reap(test_child(leader, members), "leader"), "the leader is not well");
	ready_collect(&ready, 2);
	test_daemon();
	test_waitsig();
	for (int i = 0; i < 2; i++)
		if (!test_stop(members[i], "member"))
			fail("member %d has lost its session", i);
	return pass();
}
