// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that are not behind a descriptor: mapped, executed, working directories, roots.
 * Hundreds of tasks map the same few libraries, so a file is looked at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/base/str.h"
#include "criu/files/ghost.h"
#include "criu/files/memfd.h"
#include "criu/files/reg.h"
#include "criu/files/secretmem.h"
#include "criu/files/table.h"
#include "criu/files/uring.h"
#include "criu/image/writer.h"
#include "criu/mem/uring.h"
#include "images/fs.pb-c.h"

struct mapped_file {
	uint32_t major, minor, flags;
	uint64_t ino;
	uint32_t id;
	const char *path; /* in the arena, or a task's */
	enum mapped_kind kind;
};

static struct mapped_file *find(struct dump *d, uint32_t maj, uint32_t min, uint64_t ino,
				uint32_t flags, const char *path)
{
	for (size_t i = 0; i < d->nr_mapped; i++) {
		struct mapped_file *m = &d->mapped[i];

		if (m->ino == ino && m->minor == min && m->major == maj && m->flags == flags &&
		    str_eq(m->path, path))
			return m;
	}
	return NULL;
}

/* What of a task leads to a file: link is where it is looked at, in /proc. */
struct lead {
	const char *what; /* "mapping of", "executable", ... */
	const char *path; /* as /proc shows it */
	const char *link;
	const struct stat *st;
};

static int without_name(struct dump *d, const struct task *t, const struct lead *l, uint32_t id)
{
	char who[128];
	cleanup_close int fd = open(l->link, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	snprintf(who, sizeof(who), "pid %d (%s): %s", (int)t->pid, t->comm, l->what);
	if (fd < 0)
		return fail(errno, "open %s", l->link);
	return ghost_dump(d, id, who, l->path, fd, l->st);
}

static int memfd_of_lead(struct dump *d, const struct lead *l, uint32_t flags, uint32_t *ret_id)
{
	*ret_id = ++d->next_file_id;
	return memfd_dump_mapped(d, *ret_id, l->link, l->st, flags);
}

/* enum mapped_kind, and *ret_id, which is 0 after a blocker. */
static int path_dump(struct dump *d, const struct task *t, const struct lead *l, uint32_t flags,
		     uint32_t *ret_id)
{
	bool ghost = ghost_is(l->path, l->st);
	int r;

	if (memfd_is(l->path, l->st))
		return memfd_of_lead(d, l, flags, ret_id);
	r = ghost ? 0 : l->path[0] == '/' ? reg_path_check(l->path, l->st) : -ENOENT;
	if (r < 0) {
		blocker(NULL, "pid %d (%s): %s %s: %s", (int)t->pid, t->comm, l->what, l->path,
			r == -ESTALE   ? "another file has this name now"
			: r == -ENOENT ? "a file without a name, which cannot be kept yet"
				       : strerror(-r));
		*ret_id = 0;
		return 0;
	}
	*ret_id = ++d->next_file_id;
	if (ghost)
		r = without_name(d, t, l, *ret_id);
	return r < 0
		   ? r
		   : reg_dump_path(d, *ret_id, ghost_name(&d->arena, l->path, l->st), l->st, flags);
}

/* Sockets were all met before; one that can be mapped is so from its first byte to the last. */
static int vma_socket_dump(struct dump *d, const struct task *t, const struct proc_vma *v,
			   uint32_t *ret_id)
{
	const struct mapped_socket *m = map_get(&d->mapped_sockets, v->ino);
	const char *why = !m ? "is no packet socket that somebody in the tree has open"
			  : v->pgoff || v->end - v->start != m->len ? "is not all of its rings"
								    : NULL;

	if (why)
		blocker(NULL, "pid %d (%s): mapping %llx-%llx: %s, which %s: it cannot be kept",
			(int)t->pid, t->comm, (unsigned long long)v->start,
			(unsigned long long)v->end, v->path, why);
	*ret_id = m ? m->id : 0;
	return 0;
}

static void ring_dump(struct dump *d, const struct task *t, const struct proc_vma *v,
		      uint32_t *ret_id)
{
	*ret_id = uring_mapped(d, v);
	if (!*ret_id)
		blocker(NULL,
			"pid %d (%s): mapping %llx-%llx: a ring of io_uring that nobody in the "
			"tree has open, which cannot be kept",
			(int)t->pid, t->comm, (unsigned long long)v->start,
			(unsigned long long)v->end);
}

static int vma_file_dump(struct dump *d, const struct task *t, const struct proc_vma *v,
			 uint32_t flags, uint32_t *ret_id)
{
	struct mapped_file *m = find(d, v->dev_major, v->dev_minor, v->ino, flags, v->path);
	char link[80], path[PATH_MAX + 16];
	struct stat st;
	struct lead lead = { "mapping of", path, link, &st };
	uint32_t id;
	int r;

	if (uring_vma_is(v)) {
		ring_dump(d, t, v, ret_id);
		return MAPPED_FILE;
	}
	if (m) {
		*ret_id = m->id;
		return (int)m->kind;
	}
	snprintf(link, sizeof(link), "/proc/%d/map_files/%llx-%llx", (int)task_tid(t),
		 (unsigned long long)v->start, (unsigned long long)v->end);
	snprintf(path, sizeof(path), "%s%s", v->path, v->deleted ? " (deleted)" : "");
	if (stat(link, &st) < 0)
		return fail(errno, "stat %s", link);
	if (secretmem_is(path, &st)) {
		r = secretmem_dump_mapped(d, v, &st, ret_id);
		return r < 0 ? r : MAPPED_SECRET;
	}
	r = path_dump(d, t, &lead, flags, &id);
	if (r < 0)
		return r;
	m = array_push(d->mapped, d->nr_mapped, d->cap_mapped);
	*m = (struct mapped_file){ v->dev_major,
				   v->dev_minor,
				   flags,
				   v->ino,
				   id,
				   arena_strdup(&d->arena, v->path),
				   (enum mapped_kind)r };
	*ret_id = id;
	return r;
}

/* exe, cwd, root: a file, or directory, that several tasks have is in the images once. */
static int link_dump(struct dump *d, const struct task *t, const char *what, const char *name,
		     const struct task_link *l, uint32_t *ret_id)
{
	uint32_t maj = major(l->st.st_dev), min = minor(l->st.st_dev), id;
	struct mapped_file *m = find(d, maj, min, l->st.st_ino, O_RDONLY, l->path);
	char link[64];
	struct lead lead = { what, l->path, link, &l->st };
	int r;

	if (m) {
		*ret_id = m->id;
		return 0;
	}
	snprintf(link, sizeof(link), "/proc/%d/%s", (int)task_tid(t), name);
	r = path_dump(d, t, &lead, O_RDONLY, &id);
	if (r < 0)
		return r;
	m = array_push(d->mapped, d->nr_mapped, d->cap_mapped);
	*m = (struct mapped_file){ maj, min,     O_RDONLY,           l->st.st_ino,
				   id,  l->path, (enum mapped_kind)r };
	*ret_id = id;
	return 0;
}

int mapped_file_dump(struct dump *d, const struct task *t, const struct proc_vma *v, uint32_t flags,
		     uint32_t *ret_id)
{
	if (!v)
		return link_dump(d, t, "executable", "exe", &t->exe, ret_id);
	if (str_starts(v->path, "socket:["))
		return vma_socket_dump(d, t, v, ret_id);
	return vma_file_dump(d, t, v, flags, ret_id);
}

struct fs_images {
	struct dump *d;
	FsEntry *entries; /* of the tasks of the tree */
	bool *is_read;
};

static int task_fs_read(struct dump *d, const struct task *t, FsEntry *e, bool *ret)
{
	int r;

	if (!t->cwd.path)
		return 0; /* not read: something stands in the way */
	r = link_dump(d, t, "cwd", "cwd", &t->cwd, &e->cwd_id);
	if (r >= 0)
		r = link_dump(d, t, "root", "root", &t->root, &e->root_id);
	if (r < 0 || blockers_count())
		return r;
	e->has_umask = true;
	e->umask = t->threads[0].status.umask;
	*ret = true;
	return 0;
}

static int task_fs_write(void *ctx, size_t i, unsigned int worker)
{
	const struct fs_images *f = ctx;
	const struct task *t = f->d->tree.tasks[i];

	(void)worker;
	if (!f->is_read[i])
		return 0;
	return task_fail_at(
	    image_put(f->d->s->images, IMAGE_FS, (uint64_t)t->pid, &f->entries[i].base), t);
}

/* Ids are given in the order of the tasks. */
int fs_dump(struct dump *d)
{
	cleanup_free FsEntry *entries = mem_alloc((d->tree.nr + 1) * sizeof(*entries));
	cleanup_free bool *is_read = mem_alloc(d->tree.nr + 1);
	struct fs_images f = { d, entries, is_read };

	for (size_t i = 0; i < d->tree.nr; i++) {
		const struct task *t = d->tree.tasks[i];
		int r;

		fs_entry__init(&entries[i]);
		r = task_is_alive(t) ? task_fs_read(d, t, &entries[i], &is_read[i]) : 0;
		if (r < 0)
			return task_fail_at(r, t);
	}
	return parallel_for(d->tree.nr, task_fs_write, &f);
}
