// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read by sched_getattr(2) and sched_getaffinity(2), set by the thread itself before its
 * credentials may forbid it. A thread that may run anywhere has no mask in the image:
 * the machine it comes back on may have more processors.
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
#include "criu/base/mem.h"
#include "criu/kernel/syscalls.h"

#define WORD_BITS 64

static void mask_read(struct thread *th)
{
	long bytes = syscall(SYS_sched_getaffinity, th->tid, sizeof(th->cpus), th->cpus);
	size_t set = 0;

	if (bytes < 0)
		return; /* more processors than there is room for: as if it may use all */
	th->nr_cpu_words = ((size_t)bytes + 7) / 8;
	for (size_t i = 0; i < th->nr_cpu_words; i++)
		set += (size_t)__builtin_popcountll(th->cpus[i]);
	if (set >= (size_t)get_nprocs_conf())
		th->nr_cpu_words = 0;
	while (th->nr_cpu_words && !th->cpus[th->nr_cpu_words - 1])
		th->nr_cpu_words--;
}

int sched_read(struct thread *th)
{
	struct sys_sched_attr attr;
	int r = sys_sched_getattr(th->tid, &attr);

	if (r < 0)
		return fail(-r, "sched_getattr");
	th->policy = attr.policy;
	th->nice = attr.nice;
	th->rt_priority = attr.priority;
	th->sched_flags = attr.flags;
	mask_read(th);
	return 0;
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
	e->n_cpu_mask = th->nr_cpu_words;
	e->cpu_mask = arena_dup(a, th->cpus, th->nr_cpu_words * sizeof(*th->cpus));
}

static void mask_restore(struct program *p, const ThreadCoreEntry *e)
{
	uint64_t all[THREAD_CPU_WORDS];
	const uint64_t *mask = e->cpu_mask;
	size_t words = e->n_cpu_mask;
	cpu_set_t own;

	if (!words) {
		/* crtool itself may be confined. */
		if (sched_getaffinity(0, sizeof(own), &own) < 0 ||
		    CPU_COUNT(&own) >= get_nprocs_conf())
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

void sched_restore(struct program *p, const ThreadCoreEntry *e)
{
	struct sys_sched_attr attr = {
		.size = sizeof(attr),
		.policy = e->has_sched_policy ? e->sched_policy : SCHED_OTHER,
		.flags = e->has_sched_flags ? e->sched_flags : 0,
		.nice = e->has_sched_nice ? e->sched_nice : 0,
		.priority = e->has_sched_prio ? e->sched_prio : 0,
	};

	mask_restore(p, e);
	if (attr.policy != SCHED_OTHER || attr.flags)
		PROGRAM_SYSCALL(p, OP_WHAT_SCHED, SYS_sched_setattr, 0,
				program_copy(p, &attr, sizeof(attr)), 0);
	else if (e->has_sched_nice)
		PROGRAM_SYSCALL(p, OP_WHAT_SCHED, SYS_setpriority, PRIO_PROCESS, 0,
				(uint64_t)(int64_t)e->sched_nice);
}
