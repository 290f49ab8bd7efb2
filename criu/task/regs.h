// SPDX-License-Identifier: GPL-2.0-only
/* Registers of a thread: of the kernel's register sets into images, and back. */
#pragma once
#include "criu/base/arena.h"
#include "criu/core/task.h"
#include "images/core.pb-c.h"

/* th->tls, by ptrace: only by the thread that is its tracer; where there may be some. Quiet. */
int regs_read_tls(struct thread *th, bool may_have);
ThreadInfoX86 *regs_dump(struct arena *a, const struct task *t, const struct thread *th);

struct user_desc;

/* Fills ret->gp, ret->xstate; restart is the extension of thread_core_entry, 0 without. Speaks:
 * a component that this processor lacks is named. ignore_cpu: it is dropped instead. */
int regs_load(const ThreadInfoX86 *ti, int restart, bool ignore_cpu, struct arena *a,
	      struct tracee_regs *ret);
/* The TLS entries that are in use: how many. */
size_t regs_load_tls(const ThreadInfoX86 *ti, struct user_desc *ret, size_t max);
