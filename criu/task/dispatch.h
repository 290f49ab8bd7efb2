// SPDX-License-Identifier: GPL-2.0-only
/* Syscall user dispatch (PR_SET_SYSCALL_USER_DISPATCH): system calls become signals. */
#pragma once
#include "compel/remote.h"
#include "criu/core/restore.h"
#include "images/core.pb-c.h"

/* Of a stopped thread; a kernel that cannot tell (before Linux 6.4) leaves none. Speaks. */
int dispatch_read(struct thread *th);
bool dispatch_is_on(const struct task *t);
/* Records blockers: threads whose system calls from these places would become signals. */
void dispatch_block(const struct task *t, const struct remote_site *site, uint64_t region,
		    uint64_t region_len);
void dispatch_dump(const struct thread *th, ThreadCoreEntry *e);
int dispatch_load_check(const ThreadCoreEntry *e);
/* By ptrace, as the last of all: no system call is made for the thread after it. -errno. */
int dispatch_restore(pid_t tid, const ThreadCoreEntry *e);
