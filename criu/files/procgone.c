// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open files of /proc/PID where that process has ended: reading them says so (ESRCH). On the way
 * back crtool makes a process with that pid for as long as it takes to open them. Images:
 * remap-fpath.img, with the pid. Tests: test/zdtm/static/proc_file01.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/ghost.h"
#include "criu/files/procfile.h"
#include "criu/kernel/syscalls.h"

struct gone_file {
	struct file file;
	pid_t pid;
	int slot; /* broker number */
	bool made;
};

/* --- dump ----------------------------------------------------------------------- */

int procgone_dump(struct dump *d, const struct fd_probe *p)
{
	static const char suffix[] = " (deleted)";
	FileEntry fe = FILE_ENTRY__INIT;
	RegFileEntry e = REG_FILE_ENTRY__INIT;
	FownEntry fown = FOWN_ENTRY__INIT;
	pid_t tid, pid = procfile_pid(p->link, &tid);
	int r = p->info.flags & O_PATH ? 0 : fown_dump(p->lfd, &fown);

	if (r < 0)
		return r;
	e.id = p->id;
	e.flags = fd_probe_flags(p);
	e.pos = (uint64_t)p->info.pos;
	e.fown = &fown;
	e.name = arena_strdup(&d->arena, p->link);
	if (str_ends(e.name, suffix))
		e.name[strlen(e.name) - strlen(suffix)] = '\0';
	e.has_mode = true;
	e.mode = p->st.st_mode;
	fe.type = FD_TYPES__REG;
	fe.reg = &e;
	r = dump_file_write(d, p->id, &fe);
	return r < 0 ? r : remap_write(d, p->id, (uint32_t)pid, REMAP_TYPE__PROCFS);
}

/* --- restore ------------------------------------------------------------------ */

static const struct file_kind procgone_kind;

int procgone_load(struct restore *r, uint32_t id, uint32_t pid)
{
	struct gone_file *g = arena_alloc(&r->arena, sizeof(*g));

	for (size_t i = 0; i < r->nr_files; i++) {
		if (r->files[i]->id != id)
			continue;
		g->file = *r->files[i];
		g->file.kind = &procgone_kind;
		g->pid = (pid_t)pid;
		r->files[i] = &g->file;
	}
	return 0;
}

static int gone_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	struct gone_file *g = file_to(struct gone_file, f);
	pid_t tid, pid = procfile_pid(fe->reg->name, &tid);

	if (!pid || pid != g->pid || tid != pid)
		return fail_plain("%s: is not a file of process %d", fe->reg->name, (int)g->pid);
	if (tree_find(&r->tree, pid) || tree_has_thread(&r->tree, pid))
		return fail_plain("%s: of a process that has ended, whose pid another one of the "
				  "images has",
				  fe->reg->name);
	g->slot = restore_add_broker(r);
	return g->slot < 0 ? g->slot : 0;
}

static int one_open(const RegFileEntry *e)
{
	int flags = (int)(e->flags & ~(uint32_t)FLAGS_OF_OPEN) | O_CLOEXEC;
	cleanup_close int fd = open(e->name, flags);

	if (fd < 0)
		return fail(errno, "open %s", e->name);
	if (e->pos && !(e->flags & O_PATH) && lseek(fd, (off_t)e->pos, SEEK_SET) < 0)
		return fail(errno, "%s: seek to %llu", e->name, (unsigned long long)e->pos);
	return take_fd(&fd);
}

/* While there is such a process. */
static int all_open(struct restore *r, pid_t pid)
{
	for (size_t i = 0; i < r->nr_files; i++) {
		struct gone_file *g = file_to(struct gone_file, r->files[i]);
		int fd;

		if (r->files[i]->kind != &procgone_kind || g->pid != pid || !g->file.owner)
			continue;
		fd = one_open(r->files[i]->entry->reg);
		if (fd < 0)
			return fd;
		broker_give(r, g->slot, fd);
		g->made = true;
	}
	return 0;
}

static int gone_create(struct restore *r, struct file *f)
{
	const struct gone_file *g = file_to(const struct gone_file, f);
	pid_t pid;
	int ret;

	if (g->made)
		return 0;
	pid = sys_clone_pid(0, SIGCHLD, g->pid);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	if (pid < 0)
		return fail_hint(fail(-pid, "%s: make a process with that pid for a moment",
				      f->entry->reg->name),
				 "it is open, and about a process that has ended");
	ret = all_open(r, g->pid);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0)
		if (errno != EINTR)
			return fail(errno, "wait for pid %d to end", (int)pid);
	return ret;
}

static int gone_open(struct restore *r, struct file *f)
{
	const RegFileEntry *e = f->entry->reg;
	cleanup_close int fd = broker_take(r, file_to(struct gone_file, f)->slot);
	int ret;

	if (fd < 0)
		return fd;
	ret = e->flags & O_PATH ? 0 : fown_restore(fd, e->fown);
	return ret < 0 ? fail_at(ret, "%s", e->name) : take_fd(&fd);
}

/* In no list: procgone_load() chooses it. */
static const struct file_kind procgone_kind = {
	.name = "procgone",
	.type = FD_TYPES__REG,
	.size = sizeof(struct gone_file),
	.load = gone_load,
	.create = gone_create,
	.open = gone_open,
};
