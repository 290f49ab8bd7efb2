// SPDX-License-Identifier: GPL-2.0-only
/* The execution domain bits of personality(2). */
#include "zdtmtst.h"

#include <sys/personality.h>

int main(int argc, char **argv)
{
	const unsigned long wanted = PER_LINUX | ADDR_NO_RANDOMIZE | WHOLE_SECONDS;
	int now;

	test_init(argc, argv);
	must(personality(wanted));
	test_daemon();
	test_waitsig();

	now = (int)must(personality(0xffffffff));
	if ((unsigned long)now != wanted)
		return fail("personality %#x instead of %#lx", now, wanted);
	return pass();
}
