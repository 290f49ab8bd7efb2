// SPDX-License-Identifier: GPL-2.0-only
/* Processes that go from one process group to another, all the time. */
#include "zdtmtst.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANCHORS 2
#define MOVERS  4

static pid_t anchors[ANCHORS];

/* Its group is there for others as long as it lives. */
static int anchor(void *arg)
{
	must(setpgid(0, 0));
	ready_report(arg);
	test_waitsig();
	expect(getpgrp() == getpid(), "group %d instead of its own", getpgrp());
	return 0;
}

static int mover(void *arg)
{
	uint32_t turn = (uint32_t)getpid();
	pid_t sid = getsid(0);

	(void)arg;
	while (test_go()) {
		pid_t to[] = { anchors[0], getpid(), anchors[1], getppid() }, pgid;

		pgid = to[turn++ % ARRAY_SIZE(to)];
		must(setpgid(0, pgid));
		expect(getpgrp() == pgid, "group %d instead of %d", getpgrp(), pgid);
		expect(getsid(0) == sid, "session %d instead of %d", getsid(0), sid);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t movers[MOVERS];

	test_init(argc, argv);
	ready_init(&ready);
	for (int i = 0; i < ANCHORS; i++)
		anchors[i] = test_child(anchor, &ready);
	ready_collect(&ready, ANCHORS);
	for (int i = 0; i < MOVERS; i++)
		movers[i] = test_companion(mover, NULL);
	test_daemon();
	test_waitsig();

	for (int i = 0; i < MOVERS; i++)
		if (!test_stop(movers[i], "mover"))
			fail("mover %d is not well", i);
	for (int i = 0; i < ANCHORS; i++)
		if (!test_stop(anchors[i], "anchor"))
			fail("anchor %d is not well", i);
	return pass();
}
