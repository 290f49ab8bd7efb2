// SPDX-License-Identifier: GPL-2.0-only
/* Sending the parasite into stopped tasks to ask what only they can ask. */
#pragma once
#include "compel/remote.h"
#include "criu/core/dump.h"

/* Fills task->inner and thread->inner of every task that is alive. */
int ask_tasks(struct dump *d);

/* Later, once more: fn makes calls, with arguments of at most a page. Speaking. */
typedef int (*ask_fn)(void *ctx, const struct task *t, struct remote *r);
int ask_again(struct dump *d, struct task *t, ask_fn fn, void *ctx);
