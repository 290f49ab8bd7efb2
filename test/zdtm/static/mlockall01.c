// SPDX-License-Identifier: GPL-2.0-only
/* mlockall(2) with MCL_ONFAULT: memory that comes later is locked when it is touched. */
#include "zdtmtst.h"

#include <errno.h>
#include <sys/mman.h>

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

#define PAGE  4096
#define PAGES 8

int main(int argc, char **argv)
{
	unsigned char resident[PAGES];
	uint8_t *area;

	test_init(argc, argv);
	must(mlockall(MCL_FUTURE | MCL_ONFAULT));
	area = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(area, PAGE, 1);
	test_daemon();
	test_waitsig();

	if (datachk(area, PAGE, 1) != PAGE)
		fail("the contents are wrong");
	must(mincore(area, PAGES * PAGE, resident));
	if (resident[1] & 1)
		return fail("what was not touched is there");
	area = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	must(mincore(area, PAGES * PAGE, resident));
	for (int i = 0; i < PAGES; i++)
		if (resident[i] & 1)
			return fail("new memory is locked at once: page %d is there", i);
	area[0] = 1;
	if (madvise(area, PAGE, MADV_DONTNEED) == 0 || errno != EINVAL)
		return fail("new memory is not locked");
	return pass();
}
