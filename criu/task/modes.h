// SPDX-License-Identifier: GPL-2.0-only
/* Modes of a thread that prctl(2) and arch_prctl(2) switch. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/restore.h"
#include "images/core.pb-c.h"

/* Finds what this machine has, and is to be asked for. */
void modes_init(struct dump *d);

/* Flags of a thread that may not ask for them itself, from stat. Speaks. */
int modes_read(const struct dump *d, const struct task *t, struct thread *th, struct proc_buf *b);
void modes_dump(struct arena *a, const struct thread *th, ThreadCoreEntry *e);
int modes_load_check(const ThreadCoreEntry *e);
void modes_inherited(struct inherited *i);
void modes_restore(struct program *p, const struct inherited *had, const ThreadCoreEntry *e);
