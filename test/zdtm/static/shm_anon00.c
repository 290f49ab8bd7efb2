// SPDX-License-Identifier: GPL-2.0-only
/* Shared anonymous memory of parent, child and grandchild. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define SIZE (256 * 1024)

static uint8_t *area;
static struct ready ready;

static int writer(void *arg)
{
	ready_report(&ready);
	test_waitsig();
	expect(datachk(area, SIZE, 1) == SIZE, "the old contents are wrong");
	datagen(area + (intptr_t)arg * SIZE / 4, SIZE / 4, 10 + (uint32_t)(intptr_t)arg);
	return 0;
}

static int middle(void *arg)
{
	pid_t pid = test_child(writer, (void *)2);

	(void)arg;
	ready_report(&ready);
	test_waitsig();
	expect(datachk(area, SIZE, 1) == SIZE, "the old contents are wrong");
	return test_stop(pid, "grandchild") ? 0 : 1;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	area = map_anon(SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
	datagen(area, SIZE, 1);
	ready_init(&ready);
	pid = test_child(middle, NULL);
	ready_collect(&ready, 2);
	test_daemon();
	test_waitsig();

	if (!test_stop(pid, "child"))
		return fail("a child is not well");
	if (datachk(area + SIZE / 2, SIZE / 4, 12) != SIZE / 4)
		return fail("what the grandchild wrote is not here");
	if (datachk(area, SIZE / 2, 1) != SIZE / 2)
		return fail("something else has been overwritten");
	return pass();
}
