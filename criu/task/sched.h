// SPDX-License-Identifier: GPL-2.0-only
/* Scheduling of a thread: policy with its parameters, nice, the CPUs it may use. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/program.h"
#include "criu/core/restore.h"
#include "images/core.pb-c.h"

/* From outside, any thread that crtool may trace. Speaks. */
int sched_read(const struct dump *d, struct thread *th);
/* The time slice, in ns, of those that have not asked for one; 0: not known. */
uint64_t sched_default_slice(void);
int sched_load_check(const ThreadCoreEntry *e);
void sched_dump(struct arena *a, const struct thread *th, ThreadCoreEntry *e);
void sched_restore(struct program *p, const struct restore *r, const ThreadCoreEntry *e);
/* What tasks have from crtool; a time slice of its own it gives up, and a real-time policy. */
void sched_inherited(struct inherited *i);
