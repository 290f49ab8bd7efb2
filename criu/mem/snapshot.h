// SPDX-License-Identifier: GPL-2.0-only
/* A copy of a task, from which its memory is read when the task runs on already: snapshot.c. */
#pragma once
#include <stdbool.h>

#include "compel/remote.h"
#include "criu/core/dump.h"
#include "images/mm.pb-c.h"

/* With --leave-running, where it pays and can be done unseen. */
bool snapshot_wants(const struct dump *d, const struct task *t);
/* By the parasite that is in r. Where it cannot be made, all is read from the task itself, and the
 * log says so. */
void snapshot_ask(struct task *t, struct remote *r);
/* The copy has what the task has in this mapping. */
bool snapshot_has(const struct task *t, const VmaEntry *v);
/* 0: there is none. */
pid_t snapshot_pid(const struct task *t);
void snapshots_done(struct dump *d);
