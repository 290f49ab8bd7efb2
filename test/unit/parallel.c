// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/parallel.h"

#include "criu/base/error.h"
#include "test/unit/test.h"

/* Where there are two processors, number 2 does not end before 3 has. */
static int fail_both(void *ctx, size_t i, unsigned int worker)
{
	int *is_late = ctx;

	(void)worker;
	while (i == 2 && parallel_processors() > 1 && !__atomic_load_n(is_late, __ATOMIC_SEQ_CST))
		continue;
	if (i == 3)
		__atomic_store_n(is_late, 1, __ATOMIC_SEQ_CST);
	return i < 2 ? 0 : fail_plain("number %zu", i);
}

TEST(parallel_tells_the_first_in_order)
{
	for (int i = 0; i < 500; i++) {
		int is_late = 0;

		CHECK(parallel_large(4, fail_both, &is_late) < 0);
		CHECK_STR_EQ(error_bare_text(), "number 2");
		error_reset();
	}
}
