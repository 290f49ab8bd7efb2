// SPDX-License-Identifier: GPL-2.0-only
/* Paths of inodes that the kernel names by file handle only: what inotify and fanotify watch. */
#pragma once
#include "criu/core/dump.h"
#include "criu/kernel/proc.h"
#include "images/fh.pb-c.h"

/*
 * The handle with the path that leads to its inode, in the arena of the dump. dev is the
 * kernel's, as fdinfo has it. 1, or 0: there is no path (a deleted file, a file system without
 * handles, one that is not mounted here). Speaks.
 */
int handle_dump(struct dump *d, const struct proc_handle *h, uint64_t dev, FhEntry **ret);

/* Where a mount is seen, in the arena of the dump: by its id; with id -1, any one of that file
 * system. It overwrites d->buf. 1, or 0: nowhere. Speaks. */
int mount_path(struct dump *d, int id, uint64_t dev, char **ret);
