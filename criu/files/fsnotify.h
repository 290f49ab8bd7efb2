// SPDX-License-Identifier: GPL-2.0-only
/* What inotify and fanotify have in common: watched inodes, events that nobody has read. */
#pragma once
#include <stdbool.h>

#include "criu/core/file.h"
#include "images/fh.pb-c.h"

/* An inode, as fdinfo has it. */
struct watched {
	uint64_t ino, sdev; /* the kernel's */
	const struct proc_handle *handle; /* NULL: the file system gives none */
};

/* With its path, in the arena of the dump: 1; 0: it has none, and stands in the way as "what: a
 * watch ...". Speaks. */
int watched_dump(struct dump *d, const struct fd_probe *p, const char *what,
		 const struct watched *w, FhEntry **ret);
/* At the restore, before the first fork. Speaks. */
int watched_check(const char *what, const char *path);

/* Events can be read, but not put back: true when they stand in the way. */
bool events_blocked(const struct fd_probe *p, const char *what, const char *hint);
/* What setting watches has told. Speaks. */
int events_drain(int fd, const char *what);
