// SPDX-License-Identifier: GPL-2.0-only
/* MADV_DONTFORK and MADV_WIPEONFORK, seen by a child that is forked after the restore. */
#include "zdtmtst.h"

#include <errno.h>
#include <sys/mman.h>

#define SIZE (16 * 4096)

static uint8_t *kept_away, *wiped;

static int child(void *arg)
{
	unsigned char resident[SIZE / 4096];

	(void)arg;
	expect(mincore(kept_away, SIZE, resident) == -1 && errno == ENOMEM,
	       "the child has what was not to be forked");
	for (size_t i = 0; i < SIZE; i++)
		expect(!wiped[i], "byte %zu was not wiped", i);
	return 0;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	kept_away = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	wiped = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	datagen(kept_away, SIZE, 1);
	datagen(wiped, SIZE, 2);
	must(madvise(kept_away, SIZE, MADV_DONTFORK));
	must(madvise(wiped, SIZE, MADV_WIPEONFORK));
	test_daemon();
	test_waitsig();

	if (datachk(kept_away, SIZE, 1) != SIZE || datachk(wiped, SIZE, 2) != SIZE)
		fail("the contents are wrong");
	if (!test_reap(test_child(child, NULL), "child"))
		fail("the child has got too much");
	return pass();
}
