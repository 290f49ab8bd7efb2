// SPDX-License-Identifier: GPL-2.0-only
/* Memory that is written and checked, all the time. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define PAGE  4096
#define PAGES 1024

int main(int argc, char **argv)
{
	static uint32_t seeds[PAGES];
	uint32_t round = 0;
	uint8_t *area;

	test_init(argc, argv);
	area = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	for (uint32_t page = 0; page < PAGES; page++)
		datagen(area + page * PAGE, PAGE, seeds[page]);
	test_daemon();
	do {
		uint32_t page = round * 2654435761u % PAGES;

		if (datachk(area + page * PAGE, PAGE, seeds[page]) != PAGE)
			return fail("round %u: page %u is wrong", round, page);
		seeds[page] = ++round;
		datagen(area + page * PAGE, PAGE, round);
	} while (test_go());
	for (uint32_t page = 0; page < PAGES; page++)
		if (datachk(area + page * PAGE, PAGE, seeds[page]) != PAGE)
			fail("at the end page %u is wrong", page);
	return pass();
}
