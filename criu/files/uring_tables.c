// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is registered with a ring: files, buffers, an eventfd; and rings that threads have
 * registered. Files are named by the number that they have in the process that makes the ring, so
 * one that this process has closed since, or never had, cannot be kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/files/uring.h"

/* Descriptors of a process. */
struct fds {
	struct uring_fd *v; /* owned */
	ssize_t nr;
};

static int fds_read(const struct uring_view *v, const struct task *t, struct fds *ret)
{
	ret->v = NULL;
	ret->nr = uring_fds_read(v, task_tid(t), &ret->v);
	return ret->nr < 0 ? task_fail_at(fail((int)-ret->nr, "io_uring: look at descriptors"), t)
			   : 0;
}

static const struct uring_fd *fd_of_file(const struct fds *fds, uint64_t file)
{
	for (ssize_t i = 0; i < fds->nr; i++)
		if (fds->v[i].file == file)
			return &fds->v[i];
	return NULL;
}

static UringSlotEntry *slot_new(struct dump *d, size_t index, const struct uring_slot *s)
{
	UringSlotEntry *e = arena_message(&d->arena, UringSlotEntry, URING_SLOT_ENTRY__INIT);

	e->index = (uint32_t)index;
	e->has_tag = s->tag != 0;
	e->tag = s->tag;
	return e;
}

static void file_add(struct dump *d, struct uring *u, const struct fds *fds, size_t i,
		     const struct uring_slot *s)
{
	const struct uring_fd *fd = fd_of_file(fds, s->object);
	UringSlotEntry *e = slot_new(d, i, s);

	if (!fd) {
		blocker(NULL,
			"%s: an io_uring: its registered file %zu is not open in pid %d (%s), so "
			"it cannot be kept",
			u->name, i, (int)u->maker->pid, u->maker->comm);
		u->blocked = true;
		return;
	}
	e->has_fd = true;
	e->fd = (uint32_t)fd->fd;
	u->e->files[u->e->n_files++] = e;
}

static int files_read(struct dump *d, const struct uring_view *v, struct uring *u,
		      const struct fds *fds)
{
	size_t nr = u->ring.nr_files;
	struct uring_slot *slots = mem_alloc((nr + 1) * sizeof(*slots));
	int r = uring_files_read(v, &u->ring, slots);

	u->e->has_nr_files = u->e->has_alloc_start = u->e->has_alloc_end = nr != 0;
	u->e->nr_files = (uint32_t)nr;
	u->e->alloc_start = u->ring.alloc_start;
	u->e->alloc_end = u->ring.alloc_end;
	u->e->files = arena_array(&d->arena, UringSlotEntry *, nr + 1);
	for (size_t i = 0; i < nr && r >= 0; i++)
		if (slots[i].object)
			file_add(d, u, fds, i, &slots[i]);
	free(slots);
	return r < 0 ? fail(-r, "io_uring: look at its registered files") : 0;
}

static void buffer_add(struct dump *d, struct uring *u, size_t i, const struct uring_slot *s)
{
	UringSlotEntry *e = slot_new(d, i, s);

	if (s->is_kernels) {
		blocker(NULL,
			"%s: an io_uring: its registered buffer %zu is the kernel's, which cannot "
			"be kept",
			u->name, i);
		u->blocked = true;
		return;
	}
	e->has_addr = e->has_len = true;
	e->addr = s->addr;
	e->len = s->len;
	u->e->buffers[u->e->n_buffers++] = e;
}

static int buffers_read(struct dump *d, const struct uring_view *v, struct uring *u)
{
	size_t nr = u->ring.nr_buffers;
	struct uring_slot *slots = mem_alloc((nr + 1) * sizeof(*slots));
	int r = uring_buffers_read(v, &u->ring, slots);

	u->e->has_nr_buffers = nr != 0;
	u->e->nr_buffers = (uint32_t)nr;
	u->e->buffers = arena_array(&d->arena, UringSlotEntry *, nr + 1);
	for (size_t i = 0; i < nr && r >= 0; i++)
		if (slots[i].object)
			buffer_add(d, u, i, &slots[i]);
	free(slots);
	return r < 0 ? fail(-r, "io_uring: look at its registered buffers") : 0;
}

/* What an eventfd is to its kind (struct eventfd_ctx) is of no other file. */
static void event_find(struct uring *u, const struct fds *fds)
{
	for (ssize_t i = 0; i < fds->nr && u->ring.event && !u->e->has_event_fd; i++) {
		if (fds->v[i].object != u->ring.event)
			continue;
		u->e->has_event_fd = u->e->has_event_async = true;
		u->e->event_fd = (uint32_t)fds->v[i].fd;
		u->e->event_async = u->ring.event_async;
	}
	if (!u->ring.event || u->e->has_event_fd)
		return;
	blocker(NULL,
		"%s: an io_uring: its registered eventfd is not open in pid %d (%s), so it cannot "
		"be kept",
		u->name, (int)u->maker->pid, u->maker->comm);
	u->blocked = true;
}

int uring_tables_read(struct dump *d, const struct uring_view *v, struct uring *u)
{
	struct fds fds;
	int r;

	if (u->blocked || (!u->ring.nr_files && !u->ring.nr_buffers && !u->ring.event))
		return 0;
	r = fds_read(v, u->maker, &fds);
	if (r < 0)
		return r;
	r = files_read(d, v, u, &fds);
	if (r >= 0)
		r = buffers_read(d, v, u);
	if (r >= 0)
		event_find(u, &fds);
	free(fds.v);
	return fail_at(r, "%s", u->name);
}

/* --- by threads ---------------------------------------------------------------------------- */

static struct uring *ring_of_file(struct uring *all, uint64_t file)
{
	for (struct uring *u = all; u; u = u->next)
		if (u->at.file == file)
			return u;
	return NULL;
}

static void number_add(struct dump *d, struct uring *u, const struct uring_user *user, size_t index)
{
	UringEntry *e = u->e;
	UringThreadEntry *t = arena_message(&d->arena, UringThreadEntry, URING_THREAD_ENTRY__INIT);
	UringThreadEntry **all = arena_array(&d->arena, UringThreadEntry *, e->n_threads + 1);

	t->tid = (uint32_t)user->thread->tid;
	t->index = (uint32_t)index;
	for (size_t i = 0; i < e->n_threads; i++)
		all[i] = e->threads[i];
	all[e->n_threads++] = t;
	e->threads = all;
}

int uring_numbers_read(struct dump *d, const struct uring_view *v, struct uring *all,
		       const struct uring_user *user)
{
	struct fds fds = { 0 };
	int r = 0;

	for (size_t i = 0; i < URING_RING_FDS && r >= 0; i++) {
		uint64_t file = user->at.ring_files[i] & ~7ull;
		struct uring *u = ring_of_file(all, file);

		if (!file)
			continue;
		if (!fds.v)
			r = fds_read(v, user->task, &fds);
		if (r >= 0 && u && (u->maker == user->task || fd_of_file(&fds, file)))
			number_add(d, u, user, i);
		else if (r >= 0)
			blocker(
			    NULL,
			    "pid %d (%s): thread %d has registered an io_uring that its process "
			    "has closed (IORING_REGISTER_RING_FDS), which cannot be kept",
			    (int)user->task->pid, user->task->comm, (int)user->thread->tid);
	}
	free(fds.v);
	return r;
}
