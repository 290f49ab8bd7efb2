// SPDX-License-Identifier: GPL-2.0-only
/* 32-bit programs on a 64-bit kernel (ia32). */
#pragma once
#include "compel/remote.h"
#include "criu/core/dump.h"
#include "criu/core/restore.h"

/* Which programs a task was made for, from its mappings and auxv: t->abi. Quiet. */
int compat_read(struct task *t, int proc, struct proc_buf *b);

/* Where its vdso makes 32-bit calls; false: all is not as it has to be for that. */
bool compat_site(const struct task *t, struct remote_site *ret);

/* t->abi from its image; the kernel must be able to. Speaks. */
int compat_load(struct task *t);
