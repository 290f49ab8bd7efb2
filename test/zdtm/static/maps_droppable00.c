// SPDX-License-Identifier: GPL-2.0-only
/* MAP_DROPPABLE: pages that the kernel may drop, and then are zero. */
#include "zdtmtst.h"

#include <string.h>
#include <sys/mman.h>

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

#define PAGE  4096
#define PAGES 64

int main(int argc, char **argv)
{
	static const uint8_t zero[PAGE];
	uint8_t *mem;
	size_t good = 0;

	test_init(argc, argv);
	mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_DROPPABLE | MAP_ANONYMOUS, -1,
		   0);
	must(mem == MAP_FAILED ? -1 : 0);
	datagen(mem, PAGES * PAGE, 1);
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < PAGES; i++) {
		bool same = datachk_at(mem + i * PAGE, PAGE, 1, i * PAGE) == PAGE;

		if (!same && memcmp(mem + i * PAGE, zero, PAGE) != 0)
			return fail("page %zu is neither as it was nor zero", i);
		good += same;
	}
	/* Nobody is short of memory here. */
	if (good < PAGES / 2)
		return fail("only %zu pages have survived", good);
	return pass();
}
