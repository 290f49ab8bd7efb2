// SPDX-License-Identifier: GPL-2.0-only
/* One mapping that mprotect(2) and munmap(2) have cut into pieces. */
#include "zdtmtst.h"

#include <errno.h>
#include <sys/mman.h>

#define PAGE 4096

static const struct {
	size_t first, pages;
	int prot;
} pieces[] = {
	{ 0, 3, PROT_READ },
	{ 3, 1, PROT_READ | PROT_WRITE },
	{ 4, 5, PROT_READ | PROT_EXEC },
	{ 11, 1, PROT_READ | PROT_WRITE }, /* 9 and 10 are unmapped */
	{ 12, 4, PROT_READ },
};

#define PAGES 16

int main(int argc, char **argv)
{
	unsigned char resident;
	uint8_t *area;

	test_init(argc, argv);
	area = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(area, PAGES * PAGE, 1);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		must(mprotect(area + pieces[i].first * PAGE, pieces[i].pages * PAGE,
			      pieces[i].prot));
	must(munmap(area + 9 * PAGE, 2 * PAGE));
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t at = pieces[i].first * PAGE, size = pieces[i].pages * PAGE;

		if (datachk_at(area + at, size, 1, at) != size)
			fail("piece %zu is wrong", i);
	}
	if (!mincore(area + 9 * PAGE, PAGE, &resident) || errno != ENOMEM)
		fail("the hole is mapped");
	/* The pieces still are of one kind, and can be joined. */
	must(mprotect(area + 11 * PAGE, 5 * PAGE, PROT_READ | PROT_WRITE));
	datagen(area + 11 * PAGE, 5 * PAGE, 2);
	return pass();
}
