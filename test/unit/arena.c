// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/arena.h"

#include <stdint.h>
#include <string.h>

#include "test/unit/test.h"

static bool is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

/* Of all sizes: aligned, zero, and each its own. */
static void fill(struct arena *a, size_t nr)
{
	uint8_t *at[200];
	size_t len[200];

	for (size_t i = 0; i < nr; i++) {
		len[i] = test_random() % (i % 50 == 7 ? 200000 : 700);
		at[i] = arena_alloc(a, len[i]);
		CHECK_INT_EQ((uintptr_t)at[i] % 16, 0);
		CHECK(is_zero(at[i], len[i]));
		memset(at[i], (int)i + 1, len[i]);
	}
	for (size_t i = 0; i < nr; i++)
		for (size_t k = 0; k < len[i]; k++)
			if (at[i][k] != (uint8_t)(i + 1)) {
				CHECK_INT_EQ(at[i][k], (uint8_t)(i + 1));
				return;
			}
}

TEST(arena_is_new_again)
{
	struct arena a = { 0 };

	test_random_seed(11);
	arena_reset(&a);
	for (int round = 0; round < 50; round++) {
		fill(&a, 1 + test_random() % 199);
		arena_reset(&a);
	}
	CHECK_STR_EQ(arena_strdup(&a, "a name"), "a name");
	arena_done(&a);
	CHECK(!a.chunks);
	arena_done(&a);
}
