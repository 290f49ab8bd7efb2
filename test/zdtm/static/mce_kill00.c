// SPDX-License-Identifier: GPL-2.0-only
/* When a thread is killed for a memory error (PR_MCE_KILL), different for two threads. */
#include "pair.h"
#include "zdtmtst.h"

#include <sys/prctl.h>

static void set(int policy)
{
	must(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, policy, 0, 0));
}

static void check(const char *who, int policy)
{
	int now = (int)must(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));

	expect(now == policy, "%s has policy %d", who, now);
}

int main(int argc, char **argv)
{
	return test_pair(argc, argv, set, check, PR_MCE_KILL_EARLY, PR_MCE_KILL_LATE);
}
