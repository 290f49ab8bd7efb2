// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/str.h"

static bool process_has(pid_t pid, const struct stat *st,
			bool (*may_be)(const char *link, const void *ctx), const void *ctx)
{
	cleanup_closedir DIR *dir = NULL;
	char path[64], link[PATH_MAX];
	struct dirent *de;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && (de = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), de->d_name, link, sizeof(link) - 1);
		struct stat its;

		if (n <= 0)
			continue;
		link[n] = '\0';
		if (may_be(link, ctx) && fstatat(dirfd(dir), de->d_name, &its, 0) == 0 &&
		    its.st_dev == st->st_dev && its.st_ino == st->st_ino)
			return true;
	}
	return false;
}

pid_t holder_outside(const struct dump *d, const struct stat *st,
		     bool (*may_be)(const char *link, const void *ctx), const void *ctx)
{
	cleanup_closedir DIR *dir = opendir("/proc");
	struct dirent *de;
	long pid;

	while (dir && (de = readdir(dir)))
		if (str_to_long(de->d_name, 1, INT_MAX, &pid) == 0 && pid != getpid() &&
		    !tree_find(&d->tree, (pid_t)pid) && process_has((pid_t)pid, st, may_be, ctx))
			return (pid_t)pid;
	return 0;
}
