// SPDX-License-Identifier: GPL-2.0-only
/* Dispositions, masks and pending signals. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/program.h"
#include "images/core.pb-c.h"

/* All but SIGKILL and SIGSTOP, in order. */
void sigactions_dump(struct arena *a, const struct task *t, TaskCoreEntry *e);
/* Pending for the thread, or, shared, for its process: now; and when its status was read. */
int sigqueue_read(struct arena *a, const struct thread *th, bool shared, SignalQueueEntry **ret);
int sigqueue_dump(struct arena *a, const struct thread *th, bool shared, SignalQueueEntry **ret);

/* 0, or an error that says what is wrong with the image. */
int signals_load_check(const CoreEntry *core);
/* Operations: dispositions of the process; a queue, tid 0 for the process's own. */
void sigactions_restore(struct program *p, const TaskCoreEntry *e, bool is_32bit);
void sigqueue_restore(struct program *p, const SignalQueueEntry *e, pid_t tid);
