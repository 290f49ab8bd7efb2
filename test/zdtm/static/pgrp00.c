// SPDX-License-Identifier: GPL-2.0-only
/* Process groups inside one session: a leader, one who joined it, and one on its own. */
#include "zdtmtst.h"

#include <signal.h>
#include <unistd.h>

static struct ready ready;

static int child(void *arg)
{
	pid_t group = *(pid_t *)arg;

	must(setpgid(0, group));
	group = getpgrp();
	ready_report(&ready);
	test_waitsig();
	expect(getpgrp() == group, "group %d instead of %d", getpgrp(), group);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t none = 0, pids[3];

	test_init(argc, argv);
	ready_init(&ready);
	pids[0] = test_child(child, &none);
	must(setpgid(pids[0], pids[0]));
	pids[1] = test_child(child, &pids[0]);
	pids[2] = test_child(child, &none);
	ready_collect(&ready, 3);
	test_daemon();
	test_waitsig();

	if (getpgrp() != getpid())
		fail("the root is in group %d", getpgrp());
	/* One signal for the group must reach its two members and nobody else. */
	must(kill(-pids[0], SIGTERM));
	if (!test_reap(pids[0], "leader") || !test_reap(pids[1], "member"))
		fail("the group is not what it was");
	if (!test_stop(pids[2], "loner"))
		fail("the third child is not well");
	return pass();
}
