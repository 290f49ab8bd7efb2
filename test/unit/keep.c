// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/keep.h"

#include <stdint.h>
#include <string.h>

#include "test/unit/test.h"

#define NR 400

struct piece {
	uint8_t *p;
	size_t size;
	uint8_t byte;
};

static bool piece_is_whole(const struct piece *it)
{
	for (size_t i = 0; i < it->size; i++)
		if (it->p[i] != it->byte)
			return false;
	return true;
}

/* Sizes that come again, as those of a decoder do. */
static size_t some_size(void)
{
	static const size_t sizes[] = { 24, 1000, 1024, 1280, 2560, 20480 };

	return sizes[test_random() % (sizeof(sizes) / sizeof(sizes[0]))];
}

/* Whatever is in use is nobody else's, however much comes and goes. */
TEST(keep_part_gives_nothing_twice)
{
	struct keep k;
	struct keep_part part = { .keep = &k };
	struct piece pieces[NR] = { 0 };

	keep_init(&k);
	test_random_seed(5);
	for (unsigned int i = 0; i < 20000; i++) {
		struct piece *it = &pieces[test_random() % NR];

		if (it->p) {
			CHECK(piece_is_whole(it));
			keep_part_free(&part, it->p);
			it->p = NULL;
			continue;
		}
		it->size = some_size();
		it->byte = (uint8_t)i;
		it->p = keep_part_alloc(&part, it->size);
		memset(it->p, it->byte, it->size);
	}
	keep_done(&k);
}

TEST(keep_part_takes_again_what_comes_and_goes)
{
	struct keep k;
	struct keep_part part = { .keep = &k };
	size_t used;

	keep_init(&k);
	CHECK(k.base);
	for (unsigned int i = 0; i < 1000; i++) {
		void *large = keep_part_alloc(&part, 1280), *larger = keep_part_alloc(&part, 2560);

		CHECK(keep_part_alloc(&part, 100));
		keep_part_free(&part, large);
		keep_part_free(&part, larger);
		keep_part_free(&part, NULL);
		if (i == 0)
			used = k.used;
	}
	CHECK_INT_EQ(k.used, used + 999 * 112);
	keep_done(&k);
}
