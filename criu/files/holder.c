// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/str.h"

/* True: that is enough. */
static bool process_look(pid_t pid, const struct holder_query *q)
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
		if (q->may_be(link, q->ctx) && fstatat(dirfd(dir), de->d_name, &its, 0) == 0 &&
		    q->found(pid, &its, q->ctx))
			return true;
	}
	return false;
}

void holders_outside(const struct dump *d, const struct holder_query *q)
{
	cleanup_closedir DIR *dir = opendir("/proc");
	struct dirent *de;
	long pid;

	while (dir && (de = readdir(dir)))
		if (str_to_long(de->d_name, 1, INT_MAX, &pid) == 0 && pid != getpid() &&
		    !tree_find(&d->tree, (pid_t)pid) && process_look((pid_t)pid, q))
			return;
}

struct one_inode {
	const struct stat *st;
	bool (*may_be)(const char *link, const void *ctx);
	const void *ctx;
	pid_t pid; /* 0: nobody */
};

static bool one_may_be(const char *link, const void *ctx)
{
	const struct one_inode *o = ctx;

	return o->may_be(link, o->ctx);
}

static bool one_found(pid_t pid, const struct stat *st, void *ctx)
{
	struct one_inode *o = ctx;

	if (st->st_dev == o->st->st_dev && st->st_ino == o->st->st_ino)
		o->pid = pid;
	return o->pid;
}

pid_t holder_outside(const struct dump *d, const struct stat *st,
		     bool (*may_be)(const char *link, const void *ctx), const void *ctx)
{
	struct one_inode o = { st, may_be, ctx, 0 };

	holders_outside(d, &(struct holder_query){ one_may_be, one_found, &o });
	return o.pid;
}
