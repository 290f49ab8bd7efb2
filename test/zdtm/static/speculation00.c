// SPDX-License-Identifier: GPL-2.0-only
/* A thread without speculative store bypass (PR_SET_SPECULATION_CTRL), beside one with it. */
#include "pair.h"
#include "zdtmtst.h"

#include <sys/prctl.h>

static void set(int how)
{
	must(prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, how, 0, 0));
}

static void check(const char *who, int how)
{
	long now = must(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0));

	expect(now == (long)(how | PR_SPEC_PRCTL), "%s: PR_GET_SPECULATION_CTRL: %#lx", who, now);
}

int main(int argc, char **argv)
{
	return test_pair(argc, argv, set, check, PR_SPEC_DISABLE, PR_SPEC_ENABLE);
}
