// SPDX-License-Identifier: GPL-2.0-only
/* A process that wants no transparent huge pages (PR_SET_THP_DISABLE). */
#include "zdtmtst.h"

#include <sys/prctl.h>

int main(int argc, char **argv)
{
	test_init(argc, argv);
	must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	test_daemon();
	test_waitsig();

	if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) != 1)
		return fail("huge pages are allowed again");
	return pass();
}
