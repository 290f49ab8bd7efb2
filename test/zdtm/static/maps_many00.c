// SPDX-License-Identifier: GPL-2.0-only
/* A thousand small mappings, next to each other with different rights. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define MAPPINGS 1000
#define PAGE     4096

int main(int argc, char **argv)
{
	uint8_t *area;

	test_init(argc, argv);
	area = map_anon(MAPPINGS * PAGE, PROT_READ | PROT_WRITE, 0);
	for (uint32_t i = 0; i < MAPPINGS; i++)
		datagen(area + i * PAGE, PAGE, i);
	for (uint32_t i = 0; i < MAPPINGS; i += 2)
		must(mprotect(area + i * PAGE, PAGE, i % 4 ? PROT_READ : PROT_READ | PROT_EXEC));
	test_daemon();
	test_waitsig();

	for (uint32_t i = 0; i < MAPPINGS; i++)
		if (datachk(area + i * PAGE, PAGE, i) != PAGE)
			return fail("mapping %u is wrong", i);
	return pass();
}
