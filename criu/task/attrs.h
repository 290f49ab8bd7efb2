// SPDX-License-Identifier: GPL-2.0-only
/* Small attributes of a thread that only it can ask for and set: I/O priority, timer
 * slack, NUMA memory policy. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/restore.h"
#include "images/core.pb-c.h"

void attrs_dump(struct arena *a, const struct thread *th, ThreadCoreEntry *e);
int attrs_load_check(const ThreadCoreEntry *e);
void attrs_inherited(struct inherited *i);
/* Before the policy of the thread is set: a real-time one takes the timer slack away. is_new: it
 * has the slack that it was born to. */
void attrs_restore(struct program *p, const struct inherited *had, const ThreadCoreEntry *e,
		   bool is_new);

/* ns; what PR_SET_TIMERSLACK with 0 goes back to: what the creator of the thread had. */
uint64_t attrs_slack_default(const ThreadCoreEntry *e);
