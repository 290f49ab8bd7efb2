// SPDX-License-Identifier: GPL-2.0-only
/* The environment stays as it was set at run time. */
#include "zdtmtst.h"

#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *value;

	test_init(argc, argv);
	must(setenv("ZDTM_ENV00", "a value = with spaces", 1));
	test_daemon();
	test_waitsig();

	value = getenv("ZDTM_ENV00");
	if (!value)
		return fail("the variable is gone");
	if (strcmp(value, "a value = with spaces"))
		return fail("the variable is \"%s\"", value);
	return pass();
}
