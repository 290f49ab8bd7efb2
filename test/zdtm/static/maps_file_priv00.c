// SPDX-License-Identifier: GPL-2.0-only
/* A private mapping of a file, some pages of it changed; the file itself is not. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

#define PAGES 32
#define PAGE  4096

static char *filename;
TEST_OPTION(filename, string, "file to map", true);

static bool is_changed(uint32_t page)
{
	return page % 5 == 1 || page > 27;
}

int main(int argc, char **argv)
{
	uint8_t *area, *shared;
	int fd;

	test_init(argc, argv);
	fd = file_make(filename, PAGES * PAGE, 1);
	area =
	    (uint8_t *)must(mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	for (uint32_t page = 0; page < PAGES; page++)
		if (is_changed(page))
			datagen(area + page * PAGE, PAGE, 100 + page);
	test_daemon();
	test_waitsig();

	shared = (uint8_t *)must(mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0));
	for (uint32_t page = 0; page < PAGES; page++) {
		uint8_t *at = area + page * PAGE;
		size_t good = is_changed(page) ? datachk(at, PAGE, 100 + page)
					       : datachk_at(at, PAGE, 1, page * PAGE);

		if (good != PAGE)
			fail("page %u differs at byte %zu", page, good);
	}
	if (datachk(shared, PAGES * PAGE, 1) != PAGES * PAGE)
		fail("the file was changed");
	/* A page that was not changed is still the file's. */
	must(pwrite(fd, "new", 3, 0));
	if (area[0] != 'n' || area[2] != 'w')
		fail("page 0 has become a copy");
	return pass();
}
