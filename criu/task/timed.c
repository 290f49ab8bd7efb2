// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/timed.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "criu/base/mem.h"

#define NSEC 1000000000ull

/* Numbers of 32-bit code: arch/x86/entry/syscalls/syscall_32.tbl. */
enum nr_32bit {
	NR32_RESTART_SYSCALL = 0,
	NR32_NANOSLEEP = 162,
	NR32_POLL = 168,
	NR32_FUTEX = 240,
	NR32_CLOCK_NANOSLEEP = 267,
	NR32_CLOCK_NANOSLEEP_TIME64 = 407,
	NR32_FUTEX_TIME64 = 422,
};

static const struct timed_call calls[] = {
	{ SYS_nanosleep, false, TIMED_NANOSLEEP, TIME_SPEC, 0, 1 },
	{ SYS_clock_nanosleep, false, TIMED_CLOCK_NANOSLEEP, TIME_SPEC, 2, 3 },
	{ SYS_poll, false, TIMED_POLL, TIME_MS, 2, -1 },
	{ SYS_futex, false, TIMED_FUTEX, TIME_SPEC, 3, -1 },
	{ NR32_NANOSLEEP, true, TIMED_NANOSLEEP, TIME_SPEC32, 0, 1 },
	{ NR32_CLOCK_NANOSLEEP, true, TIMED_CLOCK_NANOSLEEP, TIME_SPEC32, 2, 3 },
	{ NR32_CLOCK_NANOSLEEP_TIME64, true, TIMED_CLOCK_NANOSLEEP, TIME_SPEC, 2, 3 },
	{ NR32_POLL, true, TIMED_POLL, TIME_MS, 2, -1 },
	{ NR32_FUTEX, true, TIMED_FUTEX, TIME_SPEC32, 3, -1 },
	{ NR32_FUTEX_TIME64, true, TIMED_FUTEX, TIME_SPEC, 3, -1 },
};

const struct timed_call *timed_call_find(long nr, bool is_32bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].nr == nr && calls[i].is_32bit == is_32bit)
			return &calls[i];
	return NULL;
}

long timed_restart_nr(bool is_32bit)
{
	return is_32bit ? NR32_RESTART_SYSCALL : SYS_restart_syscall;
}

unsigned long long *timed_arg(struct user_regs_struct *gp, bool is_32bit, int nr)
{
	unsigned long long *const arg[2][6] = {
		{ &gp->rdi, &gp->rsi, &gp->rdx, &gp->r10, &gp->r8, &gp->r9 },
		{ &gp->rbx, &gp->rcx, &gp->rdx, &gp->rsi, &gp->rdi, &gp->rbp },
	};

	assert(nr >= 0 && nr < 6);
	return arg[is_32bit][nr];
}

uint64_t timed_bytes(enum time_format f)
{
	return f == TIME_SPEC ? 16 : f == TIME_SPEC32 ? 8 : 0;
}

int timed_parse(enum time_format f, const uint8_t *bytes, uint64_t *ret_ns)
{
	int64_t spec[2];
	int32_t spec32[2];

	if (f == TIME_SPEC32) {
		memcpy(spec32, bytes, sizeof(spec32));
		spec[0] = spec32[0];
		spec[1] = spec32[1];
	} else {
		memcpy(spec, bytes, sizeof(spec));
	}
	/* More than 500 years do not fit. */
	if (spec[0] < 0 || spec[0] > INT64_MAX / (int64_t)NSEC - 1 || spec[1] < 0 ||
	    spec[1] >= (int64_t)NSEC)
		return -EINVAL;
	*ret_ns = (uint64_t)spec[0] * NSEC + (uint64_t)spec[1];
	return 0;
}

void timed_write(enum time_format f, uint64_t ns, uint8_t *ret)
{
	const int64_t spec[2] = { (int64_t)(ns / NSEC), (int64_t)(ns % NSEC) };
	const int32_t spec32[2] = { (int32_t)spec[0], (int32_t)spec[1] };

	if (f == TIME_SPEC)
		memcpy(ret, spec, sizeof(spec));
	else if (f == TIME_SPEC32)
		memcpy(ret, spec32, sizeof(spec32));
}
