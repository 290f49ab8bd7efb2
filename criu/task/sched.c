// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read by sched_getattr(2) and sched_getaffinity(2), set by the thread itself before its
 * credentials may forbid it. A thread that may run anywhere has no mask in the image:
 * the machine it comes back on may have more processors.
 *
 * SCHED_DEADLINE wants all processors: the mask comes before the policy. Since Linux 6.12
 * the runtime of the other policies is the length of a time slice, and each thread has one;
 * what differs from the kernel's own has been asked for. Utilization clamps are a number for
 * each thread, too, where the kernel has them; those of no clamp are 0 and 1024.
 */
#include "criu/task/sched.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/kernel/syscalls.h"

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

#define UTIL_WHOLE 1024

/* SCHED_FLAG_*, linux/sched.h, which does not go with sched.h. */
#define FLAG_KEEP_POLICY 0x08
#define FLAG_KEEP_PARAMS 0x10
#define FLAG_UTIL_MIN    0x20
#define FLAG_UTIL_MAX    0x40

static void mask_read(const struct dump *d, struct thread *th)
{
	long bytes = syscall(SYS_sched_getaffinity, th->tid, sizeof(th->cpus), th->cpus);
	size_t set = 0;

	if (bytes < 0)
		return; /* more processors than there is room for: as if it may use all */
	th->nr_cpu_words = ((size_t)bytes + 7) / 8;
	for (size_t i = 0; i < th->nr_cpu_words; i++)
		set += (size_t)__builtin_popcountll(th->cpus[i]);
	if (set >= d->nr_processors)
		th->nr_cpu_words = 0;
	while (th->nr_cpu_words && !th->cpus[th->nr_cpu_words - 1])
		th->nr_cpu_words--;
}

static bool is_fair(uint32_t policy)
{
	return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

/* crtool may have been given a slice itself, which is of no use to it: it gives it up. */
uint64_t sched_default_slice(void)
{
	struct sys_sched_attr attr;

	if (sys_sched_getattr(0, &attr) < 0 || !is_fair(attr.policy) || !attr.runtime)
		return 0;
	attr.runtime = 0;
	return sys_sched_setattr(0, &attr) < 0 || sys_sched_getattr(0, &attr) < 0 ? 0
										  : attr.runtime;
}

static void params_read(const struct dump *d, const struct sys_sched_attr *attr, struct thread *th)
{
	if (attr->policy == SCHED_DEADLINE) {
		th->sched_runtime = attr->runtime;
		th->sched_deadline = attr->deadline;
		th->sched_period = attr->period;
	} else if (is_fair(attr->policy) && d->default_slice && attr->runtime != d->default_slice) {
		th->sched_runtime = attr->runtime;
	}
	th->util_min = attr->util_min;
	th->util_max = attr->util_max;
}

/* Of other policies sched_setattr(2) does not set the nice value, and sched_getattr(2) may not tell
 * it, though they have one for later. */
static bool takes_nice(uint32_t policy)
{
	return policy == SCHED_OTHER || policy == SCHED_BATCH;
}

int sched_read(const struct dump *d, struct thread *th)
{
	struct sys_sched_attr attr;
	int r = sys_sched_getattr(th->tid, &attr);

	if (r < 0)
		return fail(-r, "sched_getattr");
	th->policy = attr.policy;
	th->nice = attr.nice;
	if (!takes_nice(attr.policy)) {
		errno = 0;
		th->nice = getpriority(PRIO_PROCESS, (id_t)th->tid);
		if (th->nice == -1 && errno)
			return fail(errno, "getpriority");
	}
	th->rt_priority = attr.priority;
	th->sched_flags = attr.flags;
	params_read(d, &attr, th);
	mask_read(d, th);
	return 0;
}

static void params_dump(const struct thread *th, ThreadCoreEntry *e)
{
	e->has_sched_runtime = th->sched_runtime != 0;
	e->sched_runtime = th->sched_runtime;
	if (th->policy == SCHED_DEADLINE) {
		e->has_sched_deadline = e->has_sched_period = true;
		e->sched_deadline = th->sched_deadline;
		e->sched_period = th->sched_period;
	}
	if (th->util_max && (th->util_min || th->util_max != UTIL_WHOLE)) {
		e->has_sched_util_min = e->has_sched_util_max = true;
		e->sched_util_min = th->util_min;
		e->sched_util_max = th->util_max;
	}
}

void sched_dump(struct arena *a, const struct thread *th, ThreadCoreEntry *e)
{
	e->has_sched_nice = true;
	e->sched_nice = th->nice;
	e->has_sched_policy = true;
	e->sched_policy = th->policy;
	if (th->rt_priority) {
		e->has_sched_prio = true;
		e->sched_prio = th->rt_priority;
	}
	if (th->sched_flags) {
		e->has_sched_flags = true;
		e->sched_flags = th->sched_flags;
	}
	params_dump(th, e);
	e->n_cpu_mask = th->nr_cpu_words;
	e->cpu_mask = arena_dup(a, th->cpus, th->nr_cpu_words * sizeof(*th->cpus));
}

int sched_load_check(const ThreadCoreEntry *e)
{
	if (e->has_sched_util_min && e->sched_util_min > UTIL_WHOLE)
		return fail_plain("utilization clamp %u", e->sched_util_min);
	if (e->has_sched_util_max && e->sched_util_max > UTIL_WHOLE)
		return fail_plain("utilization clamp %u", e->sched_util_max);
	return 0;
}

void sched_inherited(struct inherited *i)
{
	struct sys_sched_attr attr = { .policy = SCHED_OTHER };
	cpu_set_t own;

	i->confined =
	    sched_getaffinity(0, sizeof(own), &own) == 0 && CPU_COUNT(&own) < get_nprocs_conf();
	/* Of a real-time one nobody could be born to a timer slack. */
	if (!is_fair((uint32_t)sched_getscheduler(0) & ~(uint32_t)SCHED_RESET_ON_FORK))
		sys_sched_setattr(0, &attr);
	sched_default_slice();
	i->is_fair = sys_sched_getattr(0, &attr) >= 0 && takes_nice(attr.policy) && !attr.flags;
	i->policy = attr.policy;
	i->nice = attr.nice;
}

static void mask_restore(struct program *p, const struct restore *r, const ThreadCoreEntry *e)
{
	uint64_t all[THREAD_CPU_WORDS];
	const uint64_t *mask = e->cpu_mask;
	size_t words = e->n_cpu_mask;

	if (!words) {
		if (!r->inherited.confined)
			return;
		memset(all, 0xff, sizeof(all));
		mask = all;
		words = ARRAY_SIZE(all);
	}
	/* None of them is here: it runs where it can. */
	PROGRAM_SYSCALL(p, OP_WHAT_SCHED, SYS_sched_setaffinity, 0, words * sizeof(*mask),
			program_copy(p, mask, words * sizeof(*mask)))
	    ->flags |= OP_ANY;
}

/* A kernel without them tells so by answering 0. */
static void util_restore(struct program *p, const ThreadCoreEntry *e)
{
	struct sys_sched_attr own, attr = {
		.size = sizeof(attr),
		.flags = FLAG_KEEP_POLICY | FLAG_KEEP_PARAMS | FLAG_UTIL_MIN | FLAG_UTIL_MAX,
		.util_min = e->sched_util_min,
		.util_max = e->sched_util_max,
	};

	if (!e->has_sched_util_min || !e->has_sched_util_max)
		return;
	if (sys_sched_getattr(0, &own) >= 0 && !own.util_max) {
		log_warn("utilization clamps %u to %u are dropped: this kernel has none "
			 "(CONFIG_UCLAMP_TASK)",
			 attr.util_min, attr.util_max);
		return;
	}
	PROGRAM_SYSCALL(p, OP_WHAT_SCHED, SYS_sched_setattr, 0,
			program_copy(p, &attr, sizeof(attr)), 0);
}

static bool is_as_born(const struct inherited *had, const struct sys_sched_attr *a)
{
	return had->is_fair && a->policy == had->policy && a->nice == had->nice && !a->flags &&
	       !a->runtime;
}

void sched_restore(struct program *p, const struct restore *r, const ThreadCoreEntry *e)
{
	struct sys_sched_attr attr = {
		.size = sizeof(attr),
		.policy = e->has_sched_policy ? e->sched_policy : SCHED_OTHER,
		.flags = e->has_sched_flags ? e->sched_flags : 0,
		.nice = e->has_sched_nice ? e->sched_nice : 0,
		.priority = e->has_sched_prio ? e->sched_prio : 0,
		.runtime = e->has_sched_runtime ? e->sched_runtime : 0,
		.deadline = e->has_sched_deadline ? e->sched_deadline : 0,
		.period = e->has_sched_period ? e->sched_period : 0,
	};

	mask_restore(p, r, e);
	if (is_as_born(&r->inherited, &attr)) {
		util_restore(p, e);
		return;
	}
	if (!takes_nice(attr.policy))
		PROGRAM_SYSCALL(p, OP_WHAT_SCHED, SYS_setpriority, PRIO_PROCESS, 0, attr.nice);
	if (e->has_sched_policy || e->has_sched_nice)
		PROGRAM_SYSCALL(p, OP_WHAT_SCHED, SYS_sched_setattr, 0,
				program_copy(p, &attr, sizeof(attr)), 0);
	util_restore(p, e);
}
