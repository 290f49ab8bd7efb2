// SPDX-License-Identifier: GPL-2.0-only
/* A thread that is an I/O flusher (PR_SET_IO_FLUSHER), beside one that is not. */
#include "pair.h"
#include "zdtmtst.h"

#include <sys/prctl.h>

static void set(int flusher)
{
	must(prctl(PR_SET_IO_FLUSHER, flusher, 0, 0, 0));
}

static void check(const char *who, int flusher)
{
	int now = (int)must(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));

	expect(now == flusher, "%s: PR_GET_IO_FLUSHER: %d", who, now);
}

int main(int argc, char **argv)
{
	return test_pair(argc, argv, set, check, 1, 0);
}
