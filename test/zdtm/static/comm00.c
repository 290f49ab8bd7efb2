// SPDX-License-Identifier: GPL-2.0-only
/* The name of a process, with the characters that confuse readers of /proc/PID/stat. */
#include "zdtmtst.h"

#include <string.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	static const char wanted[16] = "co)m (m 0\n)0 x)";
	char name[16] = "";

	test_init(argc, argv);
	must(prctl(PR_SET_NAME, wanted));
	test_daemon();
	test_waitsig();

	must(prctl(PR_GET_NAME, name));
	if (strcmp(name, wanted))
		return fail("the name is \"%s\"", name);
	return pass();
}
