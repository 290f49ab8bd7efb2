// SPDX-License-Identifier: GPL-2.0-only
/* The nice value that a session has as a whole: sched(7), "The autogroup feature". */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/restore.h"

/* t is alive. Quiet: a kernel without autogroups has no file. */
void autogroup_dump(const struct dump *d, const struct task *t, struct proc_buf *b,
		    TaskCoreEntry *e);
int autogroup_load_check(const TaskCoreEntry *e);
/* In the task, in its session. Speaks. */
int autogroup_restore(const struct task *t);
