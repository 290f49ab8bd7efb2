// SPDX-License-Identifier: GPL-2.0-only
/* The secure bits, with locks, and the keep-capabilities flag. */
#include "zdtmtst.h"

#include <linux/securebits.h>
#include <sys/prctl.h>

static int child(void *arg)
{
	const int wanted = SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP |
			   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE;
	int now;

	must(prctl(PR_SET_SECUREBITS, wanted));
	ready_report(arg);
	test_waitsig();

	now = (int)must(prctl(PR_GET_SECUREBITS));
	expect(now == wanted, "secure bits %#x instead of %#x", now, wanted);
	expect(prctl(PR_GET_KEEPCAPS) == 1, "the keep-capabilities flag is lost");
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
		return fail("the child has other secure bits");
	return pass();
}
