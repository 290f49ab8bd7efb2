// SPDX-License-Identifier: GPL-2.0-only
/* Files of /proc/PID: their names are those of processes. */
#pragma once
#include "criu/core/file.h"

/* The process that the path is about, and *ret_tid the thread, which may be the same; 0: none. */
pid_t procfile_pid(const char *path, pid_t *ret_tid);

/* A path of a process that has ended, or of a thread, which comes too late: true after the
 * blocker. */
bool procfile_blocked(const struct dump *d, const struct fd_probe *p);

/* It is about a process of the images: not there before the tasks are. */
bool procfile_is_later(const struct restore *r, const char *path);
