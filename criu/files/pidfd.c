// SPDX-License-Identifier: GPL-2.0-only
/*
 * pidfd_open(2): a process, whoever has its number later. fdinfo tells the number, or that the
 * process is dead and reaped. Images: images/pidfd.proto. Tests: test/zdtm/static/pidfd*.
 *
 * On the way back all processes exist when files are opened, those that have ended, too. Who was
 * reaped is stood in for: crtool makes a process that ends in the same way, and opens it as often
 * as there are descriptions before it reaps it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/kinds.h"
#include "criu/kernel/syscalls.h"
#include "criu/task/dead.h"

#define REAPED (-1) /* of fdinfo, and of the image */

struct pidfd_file {
	struct file file;
	int slot; /* broker number, of one that was reaped */
	bool made;
};

static bool pidfd_match(const struct fd_probe *p)
{
	return str_eq(p->link, "anon_inode:[pidfd]");
}

static const struct task *task_find(const struct tree *tree, pid_t pid)
{
	struct task *t;

	tasks_for_each(t, tree) {
		if (t->pid == pid)
			return t;
	}
	return NULL;
}

/* True when it stands in the way. */
static bool pidfd_blocked(struct dump *d, const struct fd_probe *p)
{
	cleanup_close int proc = -1;
	struct proc_stat st;
	pid_t pid = p->info.pid;
	char name[64];

	if (pid == REAPED || (pid && task_find(&d->tree, pid)) ||
	    (pid && !p->to && tree_has_thread(&d->tree, pid)))
		return false;
	fd_probe_name(p, name, sizeof(name));
	proc = pid ? proc_open(pid) : -1;
	if (pid && tree_has_thread(&d->tree, pid))
		blocker(NULL, "%s: a pidfd of thread %d, which cannot be kept there", name,
			(int)pid);
	else if (proc >= 0 && proc_stat_read(proc, 0, &d->buf, &st) >= 0)
		blocker("include that process in the tree, or have the descriptor closed",
			"%s: a pidfd of pid %d (%s), which is not in the tree", name, (int)pid,
			st.comm);
	else
		blocker(NULL, "%s: a pidfd of a process that is not in the tree", name);
	return true;
}

/* How the reaped one ended, since Linux 6.15, if there was a pidfd of it before. */
static bool exit_code_read(int lfd, uint32_t *ret)
{
	struct sys_pidfd_info info = { .mask = SYS_PIDFD_INFO_EXIT };

	if (ioctl(lfd, SYS_PIDFD_GET_INFO, &info) < 0 || !(info.mask & SYS_PIDFD_INFO_EXIT))
		return false;
	*ret = (uint32_t)info.exit_code;
	return true;
}

static int pidfd_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	PidfdEntry e = PIDFD_ENTRY__INIT;
	FownEntry fown;
	int r;

	if (pidfd_blocked(d, p))
		return 0;
	r = fown_dump_probe(p, &fown);
	if (r < 0)
		return r;
	e.id = p->id;
	e.ino = (uint32_t)p->st.st_ino;
	e.flags = fd_probe_flags(p);
	e.nspid = p->info.pid;
	e.fown = &fown;
	if (p->info.pid != REAPED && !task_find(&d->tree, p->info.pid))
		map_put(&d->late_files, p->id, d);
	if (p->info.pid == REAPED)
		e.has_exit_code = exit_code_read(p->lfd, &e.exit_code);
	fe.type = FD_TYPES__PIDFD;
	fe.pidfd = &e;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore ------------------------------------------------------------------ */

static int pidfd_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	struct pidfd_file *p = file_to(struct pidfd_file, f);
	const PidfdEntry *e = fe->pidfd;

	if (!e)
		return fail_plain("has no part of a pidfd");
	if (e->has_exit_code && !dead_can_end_as((int)e->exit_code))
		return fail_plain("a pidfd of a process that ended by %#x", e->exit_code);
	if (e->nspid == REAPED) {
		p->slot = restore_add_broker(r);
		return p->slot < 0 ? p->slot : 0;
	}
	if (task_find(&r->tree, e->nspid))
		return 0;
	f->is_late = tree_has_thread(&r->tree, e->nspid);
	if (f->is_late)
		return 0;
	return fail_plain("a pidfd of pid %d, which is not in the images", e->nspid);
}

static int pid_open(pid_t pid, uint32_t flags)
{
	int fd = sys_pidfd_open(pid, flags & (O_NONBLOCK | PIDFD_THREAD));

	if (fd == -EINVAL && flags & PIDFD_THREAD)
		return fail_hint(fail(EINVAL, "pidfd_open of thread %d", (int)pid),
				 "this needs Linux 6.9");
	return fd < 0 ? fail(-fd, "pidfd_open of pid %d", (int)pid) : fd;
}

/* All descriptions of one process. */
static int open_all(struct restore *r, uint32_t ino, pid_t pid)
{
	for (size_t i = 0; i < r->nr_files; i++) {
		struct pidfd_file *p = file_to(struct pidfd_file, r->files[i]);
		const PidfdEntry *e = r->files[i]->entry->pidfd;
		int fd;

		if (r->files[i]->kind != &pidfd_kind || e->nspid != REAPED || e->ino != ino)
			continue;
		fd = pid_open(pid, e->flags);
		if (fd < 0)
			return fd;
		broker_give(r, p->slot, fd);
		p->made = true;
	}
	return 0;
}

static int pidfd_create(struct restore *r, struct file *f)
{
	const PidfdEntry *e = f->entry->pidfd;
	siginfo_t info;
	pid_t pid;
	int ret;

	if (e->nspid != REAPED || file_to(struct pidfd_file, f)->made)
		return 0;
	pid = sys_clone3(&(struct clone_args){ .exit_signal = 0 });
	if (pid < 0)
		return fail(-pid, "clone");
	if (pid == 0)
		dead_end_as((int)e->exit_code);
	ret = open_all(r, e->ino, pid);
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | __WALL) < 0)
		if (errno != EINTR)
			return fail(errno, "wait for pid %d to end", (int)pid);
	return ret;
}

static int pidfd_open(struct restore *r, struct file *f)
{
	const PidfdEntry *e = f->entry->pidfd;
	cleanup_close int fd = -1;
	int ret;

	fd = e->nspid == REAPED ? broker_take(r, file_to(struct pidfd_file, f)->slot)
				: pid_open(e->nspid, e->flags);
	if (fd < 0)
		return fd;
	ret = status_restore(fd, e->flags, e->fown);
	return ret < 0 ? ret : take_fd(&fd);
}

const struct file_kind pidfd_kind = {
	.name = "pidfd",
	.type = FD_TYPES__PIDFD,
	.size = sizeof(struct pidfd_file),
	.match = pidfd_match,
	.dump = pidfd_dump,
	.load = pidfd_load,
	.create = pidfd_create,
	.open = pidfd_open,
	.late = pidfd_open,
};
