// SPDX-License-Identifier: GPL-2.0-only
/* Why a thread cannot be seized, does not stop, or would not run: said by name. */
#pragma once
#include "criu/core/dump.h"

/* Before the freeze: where cgroups are mounted. */
void stuck_prepare(struct dump *d);

/* A thread that does not stop. Negative, and said, when it will not, however long one waits. */
int stuck_refuse(const struct dump *d, pid_t tid);
/* fail_at(): in what it stands. */
int stuck_fail_at(int r, pid_t tid);

/* The thread has a tracer already. Speaks, but for whose thread it is. */
int stuck_traced(const struct dump *d, pid_t tracer);

/* The cgroup that was looked at last, and what was found: one for all tasks that are in it. */
struct stuck_seen {
	char *path, *frozen;
	uint64_t cgroups; /* the same: as struct view_thread has it; 0: not known */
};

/* The cgroup that keeps the task of /proc/PID from running, though not from stopping (v2), or
 * NULL. It is part of `seen`. cgroups: see there. */
const char *stuck_frozen(const struct dump *d, int proc, uint64_t cgroups, struct proc_buf *b,
			 struct stuck_seen *seen);
void stuck_seen_done(struct stuck_seen *seen);
