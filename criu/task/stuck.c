// SPDX-License-Identifier: GPL-2.0-only
/*
 * ptrace(2) stops a thread on its way back to user mode. It does not get there in an
 * uninterruptible wait: a filesystem whose server does not answer, vfork(2) until the child has
 * executed something, the freezer of cgroup v1. A cgroup v2 that is frozen lets its threads stop
 * (kernel/signal.c: get_signal()), but run nothing for us.
 *
 * A thread has one tracer at most. Of a tracer inside of the tree neither the options nor the
 * way of attaching (ATTACH or SEIZE) nor the kind of a stop can be read (task_struct.ptrace and
 * .jobctl are shown nowhere), so such a pair cannot be made again.
 */
#include "criu/task/stuck.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/kernel/kcmp.h"
#include "criu/kernel/proc.h"

/* --- cgroups ------------------------------------------------------------------- */

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, word, len) && (!list[len] || list[len] == ','))
			return true;
	}
	return false;
}

void stuck_prepare(struct dump *d)
{
	cleanup_proc_mounts struct proc_mounts l = { 0 };
	cleanup_close int self = proc_open(getpid());

	if (self < 0 || proc_mountinfo_read(self, &d->buf, &l) < 0)
		return;
	for (size_t i = 0; i < l.nr; i++) {
		const struct proc_mount *m = &l.v[i];

		if (!str_eq(m->root, "/"))
			continue;
		if (!d->cgroup2 && str_eq(m->fstype, "cgroup2"))
			d->cgroup2 = arena_strdup(&d->arena, m->mountpoint);
		if (!d->freezer && str_eq(m->fstype, "cgroup") &&
		    has_word(m->super_options, "freezer"))
			d->freezer = arena_strdup(&d->arena, m->mountpoint);
	}
}

static bool says_1(const char *mount, const char *path, const char *file)
{
	char name[4096], byte = 0;
	cleanup_close int fd = -1;

	if (snprintf(name, sizeof(name), "%s%s/%s", mount, path, file) >= (int)sizeof(name))
		return false;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &byte, 1) == 1 && byte == '1';
}

/* The cgroup of path, or one above it, that is frozen itself: NULL, or to be freed. */
static char *frozen_from(const char *mount, const char *path, const char *file)
{
	cleanup_free char *at = mem_strdup(path);

	for (;;) {
		char *slash = strrchr(at, '/');

		if (says_1(mount, at, file))
			return take_ptr(at);
		if (!slash)
			return NULL;
		*slash = '\0';
	}
}

/* controller NULL: the unified hierarchy. */
static const char *path_in(const struct proc_cgroups *l, const char *controller)
{
	for (size_t i = 0; i < l->nr; i++)
		if (controller ? has_word(l->v[i].controllers, controller) : !l->v[i].hierarchy)
			return l->v[i].path;
	return NULL;
}

void stuck_seen_done(struct stuck_seen *seen)
{
	free(seen->path);
	free(seen->frozen);
}

const char *stuck_frozen(const struct dump *d, int proc, uint64_t cgroups, struct proc_buf *b,
			 struct stuck_seen *seen)
{
	cleanup_proc_cgroups struct proc_cgroups l = { 0 };
	const char *path;

	if (cgroups && cgroups == seen->cgroups)
		return seen->frozen;
	if (!d->cgroup2 || proc_cgroup_read(proc, 0, b, &l) < 0)
		return NULL;
	path = path_in(&l, NULL);
	if (!path)
		return NULL;
	if (!seen->path || !str_eq(seen->path, path)) {
		stuck_seen_done(seen);
		seen->path = mem_strdup(path);
		seen->frozen = frozen_from(d->cgroup2, path, "cgroup.freeze");
	}
	seen->cgroups = cgroups;
	return seen->frozen;
}

int stuck_refuse(const struct dump *d, pid_t tid)
{
	cleanup_proc_cgroups struct proc_cgroups l = { 0 };
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int proc = d->freezer ? proc_open(tid) : -1;
	cleanup_free char *path = NULL;
	const char *in;

	if (proc < 0 || proc_cgroup_read(proc, 0, &b, &l) < 0)
		return 0;
	in = path_in(&l, "freezer");
	path = in ? frozen_from(d->freezer, in, "freezer.self_freezing") : NULL;
	if (!path)
		return 0;
	return fail_hint(
	    fail_plain("thread %d does not stop: its cgroup %s is frozen", (int)tid, path),
	    "thaw it first: echo THAWED > %s%s/freezer.state", d->freezer, path);
}

/* --- waits ----------------------------------------------------------------------- */

/* A child that has the memory of the thread: 0, or its pid. */
static pid_t child_with_memory(pid_t tid, struct proc_buf *b)
{
	cleanup_proc_pids struct proc_pids kids = { 0 };
	cleanup_close int proc = proc_open(tid);
	int order;

	if (proc < 0 || proc_children_read(proc, tid, b, &kids) < 0)
		return 0;
	for (size_t i = 0; i < kids.nr; i++)
		if (kcmp_order(tid, kids.v[i], KCMP_VM, 0, 0, &order) >= 0 && !order)
			return kids.v[i];
	return 0;
}

static bool may_vfork(long nr)
{
	return nr == SYS_vfork || nr == SYS_clone || nr == SYS_clone3;
}

int stuck_fail_at(int r, pid_t tid)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_syscall call = { .nr = -1 };
	cleanup_close int proc = proc_open(tid);
	struct proc_stat st = { .state = '?' };
	pid_t child;

	if (proc >= 0)
		proc_stat_read(proc, tid, &b, &st);
	proc_syscall_of(tid, &b, &call);
	child = st.state == 'D' && may_vfork(call.nr) ? child_with_memory(tid, &b) : 0;
	if (child)
		return fail_at(
		    r, "thread %d waits in vfork(2) until pid %d executes a program or ends",
		    (int)tid, (int)child);
	if (proc_read_of(tid, "wchan", &b) < 0 || !b.len || str_eq(b.data, "0"))
		return fail_at(r, "thread %d does not stop: state %c", (int)tid, st.state);
	if (call.running || call.nr < 0)
		return fail_at(r, "thread %d does not stop: state %c, in %s", (int)tid, st.state,
			       b.data);
	return fail_at(r, "thread %d does not stop: state %c, system call %ld, in %s", (int)tid,
		       st.state, call.nr, b.data);
}

/* --- tracers --------------------------------------------------------------------- */

static bool is_in_tree(const struct dump *d, pid_t pid, struct proc_buf *b)
{
	pid_t root = d->tree.tasks[0]->pid;
	struct proc_stat st;

	for (; pid > 0 && pid != root; pid = st.ppid) {
		cleanup_close int proc = proc_open(pid);

		if (proc < 0 || proc_stat_read(proc, 0, b, &st) < 0)
			return false;
	}
	return pid == root;
}

int stuck_traced(const struct dump *d, pid_t tracer)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_status st = { 0 };
	int r;

	/* The tracer is a thread; its process is what everybody knows. */
	if (proc_status_of(tracer, &b, &st) < 0)
		return fail_hint(fail_plain("is traced by pid %d", (int)tracer),
				 "end the debugger or strace first");
	if (is_in_tree(d, st.tgid, &b))
		r = fail_hint(fail_plain("is traced by pid %d (%s), which is part of the tree",
					 (int)st.tgid, st.comm),
			      "a thread has one tracer at most, and how it is traced cannot be "
			      "read: end the debugger or strace first");
	else
		r = fail_hint(fail_plain("is traced by pid %d (%s)", (int)st.tgid, st.comm),
			      "end the debugger or strace first");
	proc_status_done(&st);
	return r;
}
