// SPDX-License-Identifier: GPL-2.0-only
/* Calls that wait for a time: which they are, where the time is, and how it is written. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "criu/task/timed.h"
#include "test/unit/test.h"

TEST(timed_calls_of_both_kinds)
{
	const struct timed_call *c = timed_call_find(SYS_nanosleep, false);
	struct user_regs_struct gp = { .rdi = 1, .rbx = 2 };

	if (!CHECK(c))
		return;
	CHECK_INT_EQ(timed_arg_value(&gp, false, c->time), 1);
	CHECK(!timed_call_find(SYS_nanosleep, true)); /* link(2) of an old kind */
	CHECK(!timed_call_find(SYS_read, false));
	CHECK(!timed_call_find(-1, true));
	c = timed_call_find(162, true);
	if (!CHECK(c))
		return;
	CHECK_INT_EQ(timed_arg_value(&gp, true, c->time), 2);
	*timed_arg(&gp, true, c->time) = 7;
	CHECK_INT_EQ(gp.rbx, 7);
	CHECK_INT_EQ(timed_restart_nr(true), 0);
}

TEST(timed_there_and_back)
{
	static const enum time_format formats[] = { TIME_SPEC, TIME_SPEC32 };

	for (int i = 0; i < 2; i++) {
		uint8_t bytes[TIMED_BYTES_MAX + 1];
		uint64_t ns = 0;

		memset(bytes, 0xee, sizeof(bytes));
		timed_write(formats[i], 2000000003, bytes);
		CHECK_INT_EQ(bytes[timed_bytes(formats[i])], 0xee);
		CHECK_INT_EQ(timed_parse(formats[i], bytes, &ns), 0);
		CHECK_INT_EQ(ns, 2000000003);
	}
	CHECK_INT_EQ(timed_bytes(TIME_MS), 0);
}

TEST(timed_wrong_times)
{
	const int64_t negative[2] = { -1, 0 }, long_ns[2] = { 0, 1000000000 };
	const int64_t huge[2] = { INT64_MAX, 0 };
	const int32_t negative32[2] = { 0, -1 };
	uint64_t ns;

	CHECK_INT_EQ(timed_parse(TIME_SPEC, (const uint8_t *)negative, &ns), -EINVAL);
	CHECK_INT_EQ(timed_parse(TIME_SPEC, (const uint8_t *)long_ns, &ns), -EINVAL);
	CHECK_INT_EQ(timed_parse(TIME_SPEC, (const uint8_t *)huge, &ns), -EINVAL);
	CHECK_INT_EQ(timed_parse(TIME_SPEC32, (const uint8_t *)negative32, &ns), -EINVAL);
}
