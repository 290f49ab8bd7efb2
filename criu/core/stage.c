// SPDX-License-Identifier: GPL-2.0-only
/* The blob has its own few lines of the same protocol (pie/restorer). */
#include "criu/core/stage.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/core/program.h"
#include "criu/core/session.h"

/* To look after thousands ten times a second would be all that is done. */
#define PATIENCE_MS          100
#define PATIENCE_MS_PER_TASK 1

/* Who waits for a later stage sleeps on. */
static uint32_t bit_of(enum stage s)
{
	return 1u << ((uint32_t)s & 31);
}

static int stage_sleep(const struct stage_area *a, uint32_t now, enum stage s)
{
	struct timespec ts;
	uint64_t until;

	/* Not by the vdso: that is two pages that each task would have to be given. */
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	until = (uint64_t)ts.tv_nsec + a->patience_ms * 1000000ull;
	ts.tv_sec += (time_t)(until / 1000000000u);
	ts.tv_nsec = (long)(until % 1000000000u);
	return syscall(SYS_futex, &a->stage, FUTEX_WAIT_BITSET, now, &ts, NULL, bit_of(s)) < 0
		   ? -errno
		   : 0;
}

static int futex_wait(const uint32_t *word, uint32_t seen, unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	return syscall(SYS_futex, word, FUTEX_WAIT, seen, ms ? &ts : NULL) < 0 ? -errno : 0;
}

static void futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX);
}

void stage_init(struct stage_area *a, size_t nr_tasks)
{
	a->patience_ms = PATIENCE_MS + (uint32_t)nr_tasks * PATIENCE_MS_PER_TASK;
}

void stage_start(struct stage_area *a, enum stage s, uint32_t nr)
{
	__atomic_store_n(&a->busy, nr, __ATOMIC_SEQ_CST);
	__atomic_store_n(&a->stage, (uint32_t)s, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &a->stage, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, bit_of(s));
}

bool stage_failed(const struct stage_area *a)
{
	return __atomic_load_n(&a->failed, __ATOMIC_SEQ_CST);
}

static int stage_error(struct stage_area *a)
{
	char text[1024];

	if (!a->is_op)
		return error_adopt(a->err, a->text);
	op_describe(&a->op, a->err, text, sizeof(text));
	return fail_at(fail_plain("%s", text), "pid %d", (int)a->pid);
}

int stage_wait(struct stage_area *a, struct session *s, int (*alive)(void *), void *ctx)
{
	for (;;) {
		uint32_t busy = __atomic_load_n(&a->busy, __ATOMIC_SEQ_CST);
		int r;

		if (__atomic_load_n(&a->told, __ATOMIC_SEQ_CST))
			return stage_error(a);
		if (!busy && !stage_failed(a))
			return 0;
		r = session_interrupted(s);
		if (r < 0)
			return r;
		progress_set(&s->progress, __atomic_load_n(&a->read_bytes, __ATOMIC_RELAXED));
		if (futex_wait(&a->busy, busy, a->patience_ms) == -ETIMEDOUT &&
		    !__atomic_load_n(&a->told, __ATOMIC_SEQ_CST)) {
			r = alive(ctx);
			if (r < 0)
				return __atomic_load_n(&a->told, __ATOMIC_SEQ_CST) ? stage_error(a)
										   : r;
		}
	}
}

void stage_done(struct stage_area *a)
{
	if (__atomic_sub_fetch(&a->busy, 1, __ATOMIC_SEQ_CST) == 0)
		futex_wake(&a->busy);
}

/* A pidfd can be read once its process has ended, reaped or not. */
static bool is_gone(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

void stage_enter(struct stage_area *a, enum stage s, int crtool_pidfd)
{
	uint32_t now;

	while ((now = __atomic_load_n(&a->stage, __ATOMIC_SEQ_CST)) < (uint32_t)s) {
		if (stage_failed(a))
			_exit(1);
		if (stage_sleep(a, now, s) == -ETIMEDOUT && is_gone(crtool_pidfd))
			_exit(1);
	}
}

void stage_abort(struct stage_area *a)
{
	__atomic_store_n(&a->failed, 1, __ATOMIC_SEQ_CST);
	futex_wake(&a->stage);
}

void stage_fail(struct stage_area *a, int32_t pid, int err)
{
	if (!__atomic_exchange_n(&a->failed, 1, __ATOMIC_SEQ_CST)) {
		a->pid = pid;
		a->err = err;
		snprintf(a->text, sizeof(a->text), "%s", error_bare_text());
		__atomic_store_n(&a->told, 1, __ATOMIC_SEQ_CST);
	}
	futex_wake(&a->busy);
	_exit(1);
}
