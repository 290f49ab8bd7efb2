// SPDX-License-Identifier: GPL-2.0-only
/* A mapping that grows downwards when it is touched below its start, like a stack. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define PAGE 4096
#define ROOM (400 * PAGE)

int main(int argc, char **argv)
{
	uint8_t *room, *top;

	test_init(argc, argv);
	room = map_anon(2 * ROOM, PROT_NONE, 0);
	must(munmap(room, 2 * ROOM));
	top = (uint8_t *)must(mmap(room + 2 * ROOM - PAGE, PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0));
	for (uint32_t i = 0; i < 20; i++) /* grows to 20 pages */
		datagen(top - i * PAGE, PAGE, i);
	test_daemon();
	test_waitsig();

	for (uint32_t i = 20; i < 60; i++)
		datagen(top - i * PAGE, PAGE, i);
	for (uint32_t i = 0; i < 60; i++)
		if (datachk(top - i * PAGE, PAGE, i) != PAGE)
			return fail("page %u below the top is wrong", i);
	return pass();
}
