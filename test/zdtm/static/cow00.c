// SPDX-License-Identifier: GPL-2.0-only
/* Memory that fork has shared copy-on-write: each goes on with its own. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define PAGE  4096
#define PAGES 64

static uint8_t *area;

static size_t pages_with(size_t first, size_t end, uint32_t seed)
{
	size_t good = first;

	while (good < end && datachk_at(area + good * PAGE, PAGE, seed, good * PAGE) == PAGE)
		good++;
	return good - first;
}

static int child(void *arg)
{
	datagen_at(area, 8 * PAGE, 2, 0); /* its own before the dump */
	ready_report(arg);
	test_waitsig();
	expect(pages_with(0, 8, 2) == 8, "the child's own pages are wrong");
	expect(pages_with(8, PAGES, 1) == PAGES - 8, "the child's common pages are wrong");
	datagen_at(area + 16 * PAGE, 8 * PAGE, 3, 16 * PAGE);
	expect(pages_with(16, 24, 3) == 8 && pages_with(24, PAGES, 1) == PAGES - 24,
	       "the child cannot write");
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	area = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(area, PAGES * PAGE, 1);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	datagen_at(area + 8 * PAGE, 8 * PAGE, 4, 8 * PAGE);
	test_daemon();
	test_waitsig();

	if (pages_with(8, 16, 4) != 8)
		return fail("the parent's own pages are wrong");
	if (!test_stop(pid, "child"))
		return fail("the child is not well");
	if (pages_with(0, 8, 1) != 8 || pages_with(16, PAGES, 1) != PAGES - 16)
		return fail("what the child wrote is in the parent");
	return pass();
}
