// SPDX-License-Identifier: GPL-2.0-only
/* A family whose members write to memory that fork has shared, all the time. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define PAGE  4096
#define PAGES 128
#define KIDS  3

/* Of each page, the seed of what is in it, which is nobody else's business. */
static uint32_t seeds[PAGES];
static uint8_t *area;

static void work(uint32_t me)
{
	uint32_t x = me * 2654435761u + 1;

	while (test_go()) {
		size_t page;

		x = x * 1664525u + 1013904223u;
		page = x >> 16 & (PAGES - 1);
		expect(datachk_at(area + page * PAGE, PAGE, seeds[page], page * PAGE) == PAGE,
		       "page %zu of %u is not what was written to it", page, me);
		if (x >> 30)
			continue;
		seeds[page] = x | 1;
		datagen_at(area + page * PAGE, PAGE, seeds[page], page * PAGE);
	}
	for (size_t page = 0; page < PAGES; page++)
		expect(datachk_at(area + page * PAGE, PAGE, seeds[page], page * PAGE) == PAGE,
		       "page %zu of %u is wrong at the end", page, me);
}

static int child(void *arg)
{
	ready_report(arg);
	work((uint32_t)gettid_raw());
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t kids[KIDS];

	test_init(argc, argv);
	area = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(area, PAGES * PAGE, 0);
	ready_init(&ready);
	for (int i = 0; i < KIDS; i++)
		kids[i] = test_child(child, &ready);
	ready_collect(&ready, KIDS);
	test_daemon();
	work(1);
	for (int i = 0; i < KIDS; i++)
		if (!test_stop(kids[i], "child"))
			return fail("child %d is not well", i);
	return pass();
}
