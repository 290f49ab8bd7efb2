// SPDX-License-Identifier: GPL-2.0-only
/* Which descriptors a process has. */
#pragma once
#include "criu/core/dump.h"

/* tasks->fds, and where they are many and there is a view of the kernel, tasks->seen_fds. From any
 * thread. 0, or -errno. */
int fdlist_read(const struct dump *d, struct task *t, int proc, struct alike *a);
/* Whether so many are worth the price of a view. */
bool fdlist_is_long(size_t nr);
/* How many a process has; 0: nobody knows (before Linux 6.2). proc: /proc/PID. */
size_t fdlist_number(int proc);
