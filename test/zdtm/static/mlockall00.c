// SPDX-License-Identifier: GPL-2.0-only
/* mlockall(2) for memory that comes later: also when it comes after the restore. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define PAGE  4096
#define PAGES 8

int main(int argc, char **argv)
{
	unsigned char resident[PAGES];
	uint8_t *area;

	test_init(argc, argv);
	must(mlockall(MCL_FUTURE));
	area = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(area, PAGES * PAGE, 1);
	test_daemon();
	test_waitsig();

	if (datachk(area, PAGES * PAGE, 1) != PAGES * PAGE)
		fail("the contents are wrong");
	area = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	must(mincore(area, PAGES * PAGE, resident));
	for (int i = 0; i < PAGES; i++)
		if (!(resident[i] & 1))
			return fail("new memory is not locked: page %d is not there", i);
	return pass();
}
