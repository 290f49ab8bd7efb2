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

/* What this processor lacks of them is named, unless it is to be ignored: then it is left out by
 * regs_load_xstate(). Speaks. */
int regs_load_check(const ThreadInfoX86 *ti, bool ignore_cpu);
/* restart is the extension of thread_core_entry, 0 without. */
void regs_load_gp(const ThreadInfoX86 *ti, int restart, struct user_regs_struct *gp);
/* Bytes of a register set NT_X86_XSTATE. */
size_t regs_xstate_len(void);
/* Fills so many; of what was checked. */
void regs_load_xstate(const ThreadInfoX86 *ti, uint8_t *x);
/* The TLS entries that are in use: how many. */
size_t regs_load_tls(const ThreadInfoX86 *ti, struct user_desc *ret, size_t max);
