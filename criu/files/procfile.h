// SPDX-License-Identifier: GPL-2.0-only
/* Files of /proc/PID: their names are those of processes. */
#pragma once
#include "criu/core/file.h"

/* The process that the path is about, and *ret_tid the thread, which may be the same; 0: none. */
pid_t procfile_pid(const char *path, pid_t *ret_tid);

/* A path of a thread, which comes too late: true after the blocker. */
bool procfile_blocked(const struct dump *d, const struct fd_probe *p);

/* About a thread, main ones apart. */
bool procfile_is_of_thread(const struct fd_probe *p);
/* It is about a process that has ended: criu/files/procgone.c writes it. Speaks. */
bool procfile_is_gone(const struct fd_probe *p);
int procgone_dump(struct dump *d, const struct fd_probe *p);
/* What remap-fpath.img says of the file with this id. Speaks. */
int procgone_load(struct restore *r, uint32_t id, uint32_t pid);

/* About a thread of the images: not there before all threads are. */
bool procfile_is_late(const struct restore *r, const char *path);

/* It is about a process of the images: not there before the tasks are. */
bool procfile_is_later(const struct restore *r, const char *path);
