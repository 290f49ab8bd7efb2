// SPDX-License-Identifier: GPL-2.0-only
/*
 * Much memory in small pieces, with pages between them that are not there: no piece is as large as
 * a huge page, and all of them together are too much to be read by one. Some can only be read, some
 * not even that.
 */
#include "zdtmtst.h"

#include <sys/mman.h>

#define PAGE  4096ul
#define PAGES 8192ul
#define PART  (PAGES / 4) /* pages of the same rights */

static uint8_t *area;

/* Every second page is not there, then every third, and so on. */
static bool is_used(size_t page)
{
	size_t period = 2 + page / 512 % 8;

	return page % period != period - 1;
}

static bool is_there(size_t page)
{
	unsigned char there = 0;

	must(mincore(area + page * PAGE, PAGE, &there));
	return there & 1;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	area = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	must(madvise(area, PAGES * PAGE, MADV_NOHUGEPAGE));
	for (size_t i = 0; i < PAGES; i++)
		if (is_used(i))
			datagen(area + i * PAGE, PAGE, (uint32_t)i);
	must(mprotect(area + 1 * PART * PAGE, PART * PAGE, PROT_READ));
	must(mprotect(area + 3 * PART * PAGE, PART * PAGE, PROT_NONE));
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < PAGES; i++)
		if (is_there(i) != is_used(i))
			return fail("page %zu: %s", i, is_used(i) ? "is gone" : "has appeared");
	must(mprotect(area + 3 * PART * PAGE, PART * PAGE, PROT_READ));
	for (size_t i = 0; i < PAGES; i++)
		if (is_used(i) && datachk(area + i * PAGE, PAGE, (uint32_t)i) != PAGE)
			return fail("page %zu is another", i);
	return pass();
}
