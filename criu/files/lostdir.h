// SPDX-License-Identifier: GPL-2.0-only
/* Directories that are made for a moment, so that something can be made in them. */
#pragma once
#include <limits.h>
#include <stddef.h>

#define LOST_DIRS_MAX 64

struct lost_dirs {
	char path[PATH_MAX];
	size_t end[LOST_DIRS_MAX]; /* how much of path names each that was made, the upper first */
	size_t nr;
};

/* The nearest directory above path that there is: an O_PATH descriptor, or -errno. Quiet. */
int lost_dir_above(const char *path);

/* Makes all directories above path that are missing. Speaks. */
int lost_dirs_make(const char *path, struct lost_dirs *ret);
/* Removes them, if nobody has put anything into them. */
void lost_dirs_remove(const struct lost_dirs *l);

/* A directory that has, or had, this name and has none now: a descriptor. Speaks. */
int lost_dir_new(const char *path);
