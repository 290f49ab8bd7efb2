// SPDX-License-Identifier: GPL-2.0-only
/* The system calls that wait for a relative time and go on with what is left of it
 * (restart_block), and where their arguments are: of 64-bit code and of 32-bit code. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

enum time_format { TIME_MS, TIME_SPEC, TIME_SPEC32 }; /* as it is; at an address, 16 or 8 bytes */

enum timed_kind { TIMED_NANOSLEEP, TIMED_CLOCK_NANOSLEEP, TIMED_POLL, TIMED_FUTEX };

struct timed_call {
	long nr;
	bool is_32bit;
	enum timed_kind kind;
	enum time_format format;
	int time, rem; /* which argument; rem -1: the kernel tells nobody what is left */
};

/* NULL: no such call. */
const struct timed_call *timed_call_find(long nr, bool is_32bit);

/* restart_syscall(2) */
long timed_restart_nr(bool is_32bit);

/* An argument of the call that a thread is in, 0 to 5. */
unsigned long long *timed_arg(struct user_regs_struct *gp, bool is_32bit, int nr);
static inline uint64_t timed_arg_value(const struct user_regs_struct *gp, bool is_32bit, int nr)
{
	struct user_regs_struct copy = *gp;

	return *timed_arg(&copy, is_32bit, nr);
}

/* Bytes of a time in memory, and its conversion. 0 or -EINVAL. */
#define TIMED_BYTES_MAX 16
uint64_t timed_bytes(enum time_format f);
int timed_parse(enum time_format f, const uint8_t *bytes, uint64_t *ret_ns);
void timed_write(enum time_format f, uint64_t ns, uint8_t *ret);
