// SPDX-License-Identifier: GPL-2.0-only
/* Scheduling of a thread: policy, nice, priority, the CPUs it may use. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/program.h"
#include "images/core.pb-c.h"

/* From outside, any thread that crtool may trace. Speaks. */
int sched_read(struct thread *th);
void sched_dump(struct arena *a, const struct thread *th, ThreadCoreEntry *e);
void sched_restore(struct program *p, const ThreadCoreEntry *e);
