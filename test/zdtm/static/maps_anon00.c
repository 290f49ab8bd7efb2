// SPDX-License-Identifier: GPL-2.0-only
/* Private anonymous memory: what was written is there, what was never touched reads as zero. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

#define PAGES 512

/* Single pages, runs and gaps of different lengths. */
static bool is_written(uint32_t page)
{
	return page % 7 < 3 || (page > 100 && page < 200) || page == PAGES - 1;
}

int main(int argc, char **argv)
{
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *area;

	test_init(argc, argv);
	area = map_anon(PAGES * page_size, PROT_READ | PROT_WRITE, 0);
	for (uint32_t page = 0; page < PAGES; page++)
		if (is_written(page))
			datagen(area + page * page_size, page_size, page);
	test_daemon();
	test_waitsig();

	for (uint32_t page = 0; page < PAGES; page++) {
		uint8_t *at = area + page * page_size;
		size_t good;

		if (is_written(page)) {
			good = datachk(at, page_size, page);
		} else {
			for (good = 0; good < page_size && !at[good]; good++)
				continue;
		}
		if (good != page_size)
			return fail("page %u differs at byte %zu", page, good);
	}
	return pass();
}
