// SPDX-License-Identifier: GPL-2.0-only
/* Shared anonymous memory of which parent and child have unmapped different parts. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define PAGE  4096
#define PAGES 16

static uint8_t *area;

static size_t range_check(size_t first, size_t end)
{
	return datachk_at(area + first * PAGE, (end - first) * PAGE, 1, first * PAGE);
}

static int child(void *arg)
{
	must(munmap(area, 4 * PAGE));
	must(mprotect(area + 8 * PAGE, 2 * PAGE, PROT_READ));
	ready_report(arg);
	test_waitsig();
	expect(range_check(4, PAGES) == (PAGES - 4) * PAGE, "the child's part is wrong");
	datagen(area + 12 * PAGE, PAGE, 2); /* both have it */
	datagen(area + 5 * PAGE, PAGE, 3); /* the child alone has it */
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	area = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	datagen(area, PAGES * PAGE, 1);
	ready_init(&ready);
	pid = test_child(child, &ready);
	must(munmap(area + 5 * PAGE, 3 * PAGE));
	must(munmap(area + 15 * PAGE, PAGE));
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (range_check(0, 5) != 5 * PAGE || range_check(8, 15) != 7 * PAGE)
		return fail("the parent's part is wrong");
	if (!test_stop(pid, "child"))
		return fail("the child is not well");
	if (datachk(area + 12 * PAGE, PAGE, 2) != PAGE)
		return fail("what the child wrote is not here");
	return pass();
}
