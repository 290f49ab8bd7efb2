// SPDX-License-Identifier: GPL-2.0-only
/* System calls that were interrupted and have a time left to wait. */
#pragma once
#include "criu/core/restore.h"

/* In a restored thread, stopped inside the restorer: th->regs are made such that the wait goes
 * on for the time that was left. -errno, quiet. */
int restart_prepare(struct restore *r, struct thread *th, const CoreEntry *core);
/* Address, in every task, of the blob's system call instruction. */
uint64_t restart_syscall_insn(const struct restore *r);
/* And of some bytes, which all tasks have in common. */
uint64_t restart_scratch(const struct restore *r);
