// SPDX-License-Identifier: GPL-2.0-only
/* A restored process can fork, and parent and child do not disturb each other. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define SIZE (64 * 4096)

static uint8_t *area;

static int child(void *arg)
{
	(void)arg;
	expect(datachk(area, SIZE, 1) == SIZE, "the child has inherited something else");
	datagen(area, SIZE, 2);
	return datachk(area, SIZE, 2) == SIZE ? 0 : 1;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	area = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	datagen(area, SIZE, 1);
	test_daemon();
	test_waitsig();

	for (int i = 0; i < 5; i++) {
		if (!test_reap(test_child(child, NULL), "child"))
			return fail("child %d is not well", i);
		if (datachk(area, SIZE, 1) != SIZE)
			return fail("child %d wrote into our memory", i);
	}
	return pass();
}
