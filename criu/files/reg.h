// SPDX-License-Identifier: GPL-2.0-only
/* Regular files, directories, and devices that are opened by their path alone. */
#pragma once
#include "criu/core/file.h"

/* The image of a file that is known by path: mapped, executed, or a directory of a task. */
int reg_dump_path(struct dump *d, uint32_t id, const char *path, const struct stat *st,
		  uint32_t flags);

/* Does the path lead to what st describes? 0, -ESTALE: to something else, -errno. Quiet. */
int reg_path_check(const char *path, const struct stat *st);

/* Open by the entry's path with these flags instead of its own, after all checks. The fd. */
int reg_open(struct restore *r, const RegFileEntry *e, uint32_t flags);

/* The same file again, through a link of /proc/self/fd, with these flags. -errno. Quiet. */
int reg_open_link(const struct restore *r, const char *link, uint32_t flags);

/* With --evasive-devices: any path to the same device becomes its name. */
void reg_evade(struct restore *r, RegFileEntry *e);

/* The entry of a loaded file that must be a regular one. Speaks. */
int reg_find(struct restore *r, uint32_t id, const RegFileEntry **ret);
