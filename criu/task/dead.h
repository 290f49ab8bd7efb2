// SPDX-License-Identifier: GPL-2.0-only
/* Zombies: how they ended, and what /proc still shows of them. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/restore.h"

/* Dump: t->dead. Speaks. */
int dead_read(const struct dump *d, struct task *t, int proc, struct proc_buf *b);
/* Adds all of it to a core that has its tc. */
void dead_dump(struct arena *a, const struct task *t, CoreEntry *core);

int dead_load_check(const CoreEntry *core);
/* Restore, in the process that is to be the zombie, with all signals blocked. Returns only
 * when something of it cannot be had. Speaks. */
int dead_become(const struct restore *r, const struct task *t);

/* Is it the status of a process that has ended? */
bool dead_can_end_as(int exit_code);
/* The calling process ends with it, but for the flag of a core file. */
void dead_end_as(int exit_code) __attribute__((noreturn));
