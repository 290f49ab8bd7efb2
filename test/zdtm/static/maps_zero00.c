// SPDX-License-Identifier: GPL-2.0-only
/* Pages that were read but never written, and pages that were written with zeroes. */
#include "zdtmtst.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 64

int main(int argc, char **argv)
{
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE), size = PAGES * page_size;
	volatile uint8_t *read_only_seen, sum = 0;
	uint8_t *zeroed;

	test_init(argc, argv);
	read_only_seen = map_anon(size, PROT_READ | PROT_WRITE, 0);
	for (size_t i = 0; i < size; i += page_size)
		sum = sum + read_only_seen[i];
	zeroed = map_anon(size, PROT_READ | PROT_WRITE, 0);
	memset(zeroed, 0, size);
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < size; i++)
		if (read_only_seen[i] || zeroed[i])
			return fail("byte %zu is not zero", i);
	datagen(zeroed, size, 1);
	datagen((void *)read_only_seen, size, 2);
	if (datachk(zeroed, size, 1) != size || datachk((void *)read_only_seen, size, 2) != size)
		return fail("the memory cannot be written");
	return pass();
}
