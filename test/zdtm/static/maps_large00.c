// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges that are full, and larger than huge pages, next to a page that is not there; neighbours
 * with other rights, one that wants small pages only and one that wants large ones.
 */
#include "zdtmtst.h"

#include <string.h>
#include <sys/mman.h>

#define HUGE (2ul << 20)
#define PAGE 4096ul
#define SIZE (24 * HUGE)

/* A page of the middle of number HOLE is not there. */
#define HOLE 5

static uint8_t *area;

static uint8_t *hole(void)
{
	return area + HOLE * HUGE + HUGE / 2;
}

static bool is_there(const uint8_t *page)
{
	unsigned char there = 0;

	must(mincore((void *)(uintptr_t)page, PAGE, &there));
	return there & 1;
}

int main(int argc, char **argv)
{
	bool was_there;

	test_init(argc, argv);
	area = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	for (size_t at = 0; at < SIZE; at += PAGE)
		if (area + at != hole())
			datagen(area + at, PAGE, (uint32_t)(at / PAGE));
	must(mprotect(area + 8 * HUGE, 4 * HUGE, PROT_READ));
	must(mprotect(area + 12 * HUGE, 4 * HUGE, PROT_READ | PROT_EXEC));
	must(mprotect(area + 16 * HUGE, 4 * HUGE, PROT_NONE));
	must(madvise(area + 20 * HUGE, 2 * HUGE, MADV_NOHUGEPAGE));
	must(madvise(area + 22 * HUGE, 2 * HUGE, MADV_HUGEPAGE));
	/* It is, where the kernel makes huge pages unasked. */
	was_there = is_there(hole());
	test_daemon();
	test_waitsig();

	if (!was_there && is_there(hole()))
		return fail("a page is there that was not");
	must(mprotect(area + 16 * HUGE, 4 * HUGE, PROT_READ));
	for (size_t at = 0; at < SIZE; at += PAGE)
		if (area + at != hole() &&
		    datachk(area + at, PAGE, (uint32_t)(at / PAGE)) != PAGE)
			return fail("the page at offset %#zx", at);
	memset(area, 1, HUGE);
	return pass();
}
