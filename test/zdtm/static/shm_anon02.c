// SPDX-License-Identifier: GPL-2.0-only
/* Shared anonymous memory that is larger than what is mapped: the rest is there to grow into. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define PAGE   4096
#define PAGES  16
#define MAPPED 5

int main(int argc, char **argv)
{
	uint8_t *at, *grown;

	test_init(argc, argv);
	at = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	datagen(at, PAGES * PAGE, 3);
	must(munmap(at + MAPPED * PAGE, (PAGES - MAPPED) * PAGE));
	must(munmap(at + PAGE, PAGE));
	test_daemon();
	test_waitsig();

	if (datachk(at, PAGE, 3) != PAGE)
		return fail("the first page is wrong");
	grown = mremap(at + 2 * PAGE, (MAPPED - 2) * PAGE, (PAGES - 2) * PAGE, MREMAP_MAYMOVE);
	if (grown == MAP_FAILED)
		return fail("the mapping does not grow");
	if (datachk_at(grown, (PAGES - 2) * PAGE, 3, 2 * PAGE) != (PAGES - 2) * PAGE)
		return fail("byte %zu is wrong",
			    datachk_at(grown, (PAGES - 2) * PAGE, 3, 2 * PAGE));
	return pass();
}
