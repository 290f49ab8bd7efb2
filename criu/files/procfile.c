// SPDX-License-Identifier: GPL-2.0-only
/*
 * An open file of /proc/PID is opened again by its path, by its owner, when all processes of the
 * tree exist: so it is about the process that has the pid then. Those of memory (maps, mem,
 * environ) are about an address space; a task keeps the one that it is born with. Tests:
 * test/zdtm/static/proc_file*.
 */
#include "criu/files/procfile.h"

#include <ctype.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "criu/base/error.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"

/* A number up to a slash or the end; *ret_rest is behind it. 0: something else. */
static pid_t number_at(const char *text, const char **ret_rest)
{
	char *end;
	long n = isdigit((unsigned char)*text) ? strtol(text, &end, 10) : 0;

	if (n <= 0 || n > INT_MAX || (*end && *end != '/' && *end != ' '))
		return 0;
	*ret_rest = end;
	return (pid_t)n;
}

pid_t procfile_pid(const char *path, pid_t *ret_tid)
{
	const char *rest;
	pid_t pid = str_starts(path, "/proc/") ? number_at(path + strlen("/proc/"), &rest) : 0;

	*ret_tid = pid;
	if (pid && str_starts(rest, "/task/") && number_at(rest + strlen("/task/"), &rest))
		*ret_tid = number_at(strstr(path, "/task/") + strlen("/task/"), &rest);
	return pid;
}

static bool is_there(pid_t pid, pid_t tid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid);
	return stat(path, &st) == 0;
}

static bool is_proc(const struct fd_probe *p)
{
	struct statfs fs;

	return fstatfs(p->lfd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

bool procfile_blocked(const struct dump *d, const struct fd_probe *p)
{
	pid_t tid, pid = procfile_pid(p->link, &tid);
	char name[64];

	if (!pid || !is_proc(p))
		return false;
	fd_probe_name(p, name, sizeof(name));
	if (!is_there(pid, tid) && tid != pid)
		blocker(NULL, "%s: %s: is about a thread that has ended, which cannot be kept yet",
			name, p->link);
	else if (p->to && tid != pid && tree_find(&d->tree, pid))
		blocker(NULL, "%s: %s: is about a thread, which cannot be kept there", name,
			p->link);
	else
		return false;
	return true;
}

bool procfile_is_of_thread(const struct fd_probe *p)
{
	pid_t tid, pid = procfile_pid(p->link, &tid);

	return pid && tid != pid && is_proc(p);
}

bool procfile_is_gone(const struct fd_probe *p)
{
	pid_t tid, pid = procfile_pid(p->link, &tid);

	return pid && tid == pid && is_proc(p) && !is_there(pid, pid);
}

bool procfile_is_late(const struct restore *r, const char *path)
{
	pid_t tid, pid = procfile_pid(path, &tid);

	return pid && tid != pid && tree_find(&r->tree, pid);
}

bool procfile_is_later(const struct restore *r, const char *path)
{
	pid_t tid, pid = procfile_pid(path, &tid);

	return pid && tree_find(&r->tree, pid);
}
