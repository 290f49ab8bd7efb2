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
/* Of a stopped thread. */
void modes_block(const struct dump *d, const struct task *t, const struct thread *th);
void modes_dump(struct arena *a, const struct thread *th, ThreadCoreEntry *e);
int modes_load_check(const ThreadCoreEntry *e);
void modes_inherited(struct inherited *i);
void modes_restore(struct program *p, const struct inherited *had, const ThreadCoreEntry *e);

/* What all threads have: components of XSAVE that have to be asked for. Before their alternate
 * stacks, whose least size depends on it. */
void modes_process_dump(const struct task *t, TaskCoreEntry *e);
int modes_process_check(const TaskCoreEntry *e);
void modes_process_restore(struct program *p, const TaskCoreEntry *e);
