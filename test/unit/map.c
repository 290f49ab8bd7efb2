// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/map.h"

#include "test/unit/test.h"

#define KEYS 5000u

TEST(map_keeps_all)
{
	static int values[KEYS];
	struct map m = { 0 };

	CHECK(map_get(&m, 1) == NULL);
	/* Keys that collide in their low and in their high bits. */
	for (uint64_t i = 0; i < KEYS; i++)
		map_put(&m, i << (i % 3 * 16), &values[i]);
	for (uint64_t i = 0; i < KEYS; i++)
		CHECK(map_get(&m, i << (i % 3 * 16)) == &values[i]);
	CHECK(map_get(&m, UINT64_MAX) == NULL);
	map_done(&m);
	CHECK(map_get(&m, 1) == NULL);
}
