// SPDX-License-Identifier: GPL-2.0-only
/* A reservation of 64 GiB with a few pages in use costs next to nothing. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define SIZE  (64ull << 30)
#define STEP  (5ull << 30)
#define CHUNK 8192

int main(int argc, char **argv)
{
	unsigned char resident;
	uint8_t *area;
	uint32_t seed;
	uint64_t at;

	test_init(argc, argv);
	area = map_anon(SIZE, PROT_READ | PROT_WRITE, MAP_NORESERVE);
	must(madvise(area, SIZE, MADV_NOHUGEPAGE));
	for (at = 0, seed = 1; at + CHUNK <= SIZE; at += STEP, seed++)
		datagen(area + at, CHUNK, seed);
	test_daemon();
	test_waitsig();

	for (at = 0, seed = 1; at + CHUNK <= SIZE; at += STEP, seed++) {
		if (datachk(area + at, CHUNK, seed) != CHUNK)
			fail("the data at %#lx is wrong", (unsigned long)at);
		must(mincore(area + at + CHUNK, 4096, &resident));
		if (resident & 1)
			fail("the page behind the data at %#lx was made", (unsigned long)at);
	}
	if (area[STEP / 2] || area[SIZE - 1])
		fail("untouched memory is not zero");
	return pass();
}
