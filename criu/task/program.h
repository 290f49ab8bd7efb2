// SPDX-License-Identifier: GPL-2.0-only
/* The part of a restore program that makes threads and all that a task is. */
#pragma once
#include "criu/core/restore.h"

/* Operations that set what differs from what crtool has. */
void rlimits_restore(struct program *p, const struct restore *r, const TaskRlimitsEntry *e);

/* How many threads of all tasks have something to do at STAGE_CREDS. */
uint32_t task_programs_late(const struct restore *r);

/* Upper bound of the bytes that operations, data and stacks of the threads take. */
size_t task_program_room(const struct task *t);

/* The first that a thread does. */
typedef void program_thread_fn(struct program *p, const struct restore *r, const struct task *t,
			       pid_t tid);

/*
 * All lists of the task; the leader's begins with what before() adds to it: its memory, and those
 * of other threads with first(). Returns the address of the leader's list.
 */
uint64_t task_program(struct program *p, const struct restore *r, const struct task *t,
		      program_thread_fn *first, void (*before)(struct program *p, void *ctx),
		      void *ctx);
