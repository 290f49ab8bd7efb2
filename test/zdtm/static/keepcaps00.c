// SPDX-License-Identifier: GPL-2.0-only
/* PR_SET_KEEPCAPS and what it is for: capabilities survive the change of the user id. */
#include "caps.h"
#include "zdtmtst.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

static int child(void *arg)
{
	struct caps before, now;

	must(prctl(PR_SET_KEEPCAPS, 1));
	caps_get(&before);
	ready_report(arg);
	test_waitsig();

	expect(prctl(PR_GET_KEEPCAPS) == 1, "the flag is lost");
	must(setresuid(65534, 65534, 65534));
	caps_get(&now);
	expect(now.permitted == before.permitted, "permitted %#lx instead of %#lx",
	       (unsigned long)now.permitted, (unsigned long)before.permitted);
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
		return fail("the child could not keep its capabilities");
	return pass();
}
