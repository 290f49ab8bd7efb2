// SPDX-License-Identifier: GPL-2.0-only
/* Huge pages: whole, half written, and one that the program has cut. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define HUGE  (2ul << 20)
#define PAGES 4

int main(int argc, char **argv)
{
	uint8_t *room, *area;

	test_init(argc, argv);
	room = map_anon((PAGES + 1) * HUGE, PROT_READ | PROT_WRITE, 0);
	area = (uint8_t *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
	must(madvise(area, PAGES * HUGE, MADV_HUGEPAGE));
	datagen(area, 2 * HUGE + HUGE / 2, 1);
	must(madvise(area + HUGE + 4096, 4096, MADV_DONTNEED));
	test_daemon();
	test_waitsig();

	if (datachk(area, HUGE + 4096, 1) != HUGE + 4096)
		fail("the first huge page is wrong");
	for (size_t i = 0; i < 4096; i++)
		if (area[HUGE + 4096 + i])
			return fail("the page that was dropped is back");
	if (datachk_at(area + HUGE + 8192, HUGE + HUGE / 2 - 8192, 1, HUGE + 8192) !=
	    HUGE + HUGE / 2 - 8192)
		fail("the second or third huge page is wrong");
	for (size_t i = 2 * HUGE + HUGE / 2; i < PAGES * HUGE; i++)
		if (area[i])
			return fail("byte %zu is not zero", i);
	return pass();
}
