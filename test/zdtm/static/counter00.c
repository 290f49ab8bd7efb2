// SPDX-License-Identifier: GPL-2.0-only
/* A program that counts goes on counting: in memory and in a register alike. */
#include "zdtmtst.h"

static volatile unsigned long in_memory;

int main(int argc, char **argv)
{
	unsigned long in_register = 0;

	test_init(argc, argv);
	test_daemon();
	while (test_go()) {
		in_register++;
		in_memory++;
		if (in_memory != in_register)
			return fail("memory says %lu, the register %lu", in_memory, in_register);
	}
	if (!in_register)
		return fail("nothing was counted");
	return pass();
}
