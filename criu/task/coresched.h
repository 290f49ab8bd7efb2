// SPDX-License-Identifier: GPL-2.0-only
/* Core scheduling: who may run beside whom on the threads of one processor core. */
#pragma once
#include "criu/core/restore.h"
#include "images/core.pb-c.h"

/* Of this machine: processors and kernel. Quiet. */
bool coresched_is_there(void);
/* The cookie of a thread, 0: none, or no such thing in this kernel. Quiet. */
uint64_t coresched_read(pid_t tid);
/* The first of all that have a cookie is given a new one; when all threads exist, the others
 * have it from there. */
void coresched_create(struct program *p, const struct restore *r, const ThreadCoreEntry *e,
		      pid_t tid);
void coresched_share(struct program *p, const struct restore *r, const ThreadCoreEntry *e,
		     pid_t tid);
