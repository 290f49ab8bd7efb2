// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/core/file.h"
#include "criu/files/tty.h"
#include "criu/image/writer.h"
#include "criu/kernel/kcmp.h"
#include "criu/kernel/syscalls.h"

#define LINK_MAX_BYTES 4096

int ids_dump(struct dump *d)
{
	struct task *t;

	/* 1 is crtool's own in the inventory. */
	d->ident_vm.last = d->ident_files.last = d->ident_fs.last = d->next_sighand = 1;
	tasks_for_each(t, &d->tree) {
		int vm, r;

		if (!task_is_alive(t))
			continue;
		r = vm = ident_get(&d->ident_vm, KCMP_VM, t->pid, 0, &t->ids.vm);
		if (r >= 0)
			r = ident_get(&d->ident_files, KCMP_FILES, t->pid, 0, &t->ids.files);
		if (r == 0 && vm && (!t->parent || t->parent->ids.files != t->ids.files))
			blocker(NULL,
				"pid %d (%s): shares its descriptors with a process that is not its "
				"parent, which cannot be kept yet",
				(int)t->pid, t->comm);
		if (r >= 0)
			r = ident_get(&d->ident_fs, KCMP_FS, t->pid, 0, &t->ids.fs);
		/* Handlers are shared only by those that share memory (CLONE_SIGHAND). */
		if (r >= 0)
			t->ids.sighand = ++d->next_sighand;
		if (r < 0)
			return task_fail_at(r, t);
		if (!vm)
			blocker(NULL,
				"pid %d (%s): shares its memory with another process (vfork or "
				"CLONE_VM), which cannot be kept yet",
				(int)t->pid, t->comm);
	}
	return 0;
}

static const struct file_kind *kind_of(const struct fd_probe *p)
{
	const struct file_kind *const *k = file_kinds;

	while (!(*k)->match(p))
		k++;
	return *k;
}

static int description_dump(struct dump *d, struct fd_probe *p, int proc, int *ret_type)
{
	char link[LINK_MAX_BYTES];
	const struct file_kind *kind;
	int r = proc_fd_link(proc, p->fd, link, sizeof(link));

	if (r < 0)
		return fail(-r, "read the link");
	p->link = link;
	kind = kind_of(p);
	*ret_type = (int)kind->type;
	r = kind->dump(d, p);
	return r < 0 ? fail_at(r, "%s", link) : 0;
}

/* Where the type of a description is remembered for the descriptors that share it. */
static int *type_of(struct dump *d, uint32_t id)
{
	while (d->nr_types <= id)
		*array_push(d->types, d->nr_types, d->cap_types) = 0;
	return &d->types[id];
}

static int fd_dump(struct dump *d, struct image_writer *w, const struct task *t, int proc, int fd)
{
	FdinfoEntry e = FDINFO_ENTRY__INIT;
	struct fd_probe p = { .task = t, .fd = fd, .lfd = -1 };
	cleanup_close int lfd = -1;
	int *type;
	int r, fresh;

	r = proc_fdinfo_read(proc, fd, &d->buf, &p.info);
	if (r < 0)
		return fail(-r, "read fdinfo");
	p.lfd = lfd = sys_pidfd_getfd(t->pidfd, fd);
	if (lfd < 0)
		return fail(-lfd, "pidfd_getfd");
	if (fstat(lfd, &p.st) < 0)
		return fail(errno, "stat");
	fresh = ident_set_get(&d->files, p.st.st_dev, p.st.st_ino, t->pid, fd, &p.id);
	if (fresh < 0)
		return fresh;
	type = type_of(d, p.id);
	if (fresh) {
		r = description_dump(d, &p, proc, type);
		if (r < 0)
			return r;
	}
	e.id = p.id;
	e.fd = (uint32_t)fd;
	e.type = (FdTypes)*type;
	e.flags = p.info.flags & O_CLOEXEC ? FD_CLOEXEC : 0;
	return blockers_count() ? 0 : image_write(w, &e.base);
}

static int table_dump(struct dump *d, struct task *t)
{
	cleanup_close int proc = proc_open(t->pid);
	struct image_writer *w = NULL;
	int r;

	if (proc < 0)
		return fail(-proc, "open /proc/%d", (int)t->pid);
	if (t->pidfd < 0)
		t->pidfd = sys_pidfd_open(t->pid, 0);
	if (t->pidfd < 0)
		return fail(-t->pidfd, "pidfd_open");
	r = image_writer_open(d->s->images, IMAGE_FDINFO, t->ids.files, &w);
	for (size_t i = 0; i < t->fds.nr && r >= 0; i++) {
		r = fd_dump(d, w, t, proc, t->fds.v[i]);
		if (r < 0)
			fail_at(r, "fd %d", t->fds.v[i]);
	}
	if (r >= 0)
		r = image_writer_close(&w);
	image_writer_free(w);
	close(t->pidfd);
	t->pidfd = -1;
	return r;
}

int tables_dump(struct dump *d)
{
	uint32_t done = 1; /* ids of tables ascend in the order in which tasks have them first */
	struct task *t;

	tasks_for_each(t, &d->tree) {
		int r;

		if (!task_is_alive(t) || t->ids.files <= done)
			continue;
		done = t->ids.files;
		r = session_interrupted(d->s);
		if (r >= 0)
			r = table_dump(d, t);
		if (r < 0)
			return task_fail_at(r, t);
	}
	ttys_check_sessions(d);
	return 0;
}

int files_finish(struct dump *d)
{
	int r = 0;

	if (d->files_img)
		r = image_writer_close(&d->files_img);
	if (d->pipes_data_img && r >= 0)
		r = image_writer_close(&d->pipes_data_img);
	if (d->tty_info_img && r >= 0)
		r = image_writer_close(&d->tty_info_img);
	return r;
}
