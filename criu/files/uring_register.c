// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring_register(2) on the way back: by the process that has made the ring, in its program, when
 * its descriptors have their numbers and its memory is there; rings, by the thread that has them.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/files/uring.h"
#include "criu/files/uring_ring.h"

#define FILES_MAX    (1u << 20) /* io_uring/rsrc.h and filetable.h of Linux */
#define BUFFERS_MAX  (1u << 14)
#define OPS_OF_RING  4
#define SLOT_BYTES   (sizeof(struct iovec) + sizeof(uint64_t))
#define RECORD_BYTES 64 /* what any of the calls takes, aligned */

static int slots_check(const char *what, UringSlotEntry **slots, size_t nr, uint32_t of,
		       uint32_t max)
{
	if (of > max)
		return fail_plain("an io_uring with %u registered %s", of, what);
	for (size_t i = 0; i < nr; i++)
		if (slots[i]->index >= of)
			return fail_plain("an io_uring with registered %s %u of %u", what,
					  slots[i]->index, of);
	return 0;
}

int uring_tables_check(const UringEntry *e)
{
	int r = slots_check("files", e->files, e->n_files, e->nr_files, FILES_MAX);

	if (r >= 0)
		r = slots_check("buffers", e->buffers, e->n_buffers, e->nr_buffers, BUFFERS_MAX);
	if (r >= 0 && (e->alloc_start > e->alloc_end || e->alloc_end > e->nr_files))
		r = fail_plain("an io_uring that may allocate files %u to %u of %u", e->alloc_start,
			       e->alloc_end, e->nr_files);
	for (size_t i = 0; i < e->n_threads && r >= 0; i++)
		if (e->threads[i]->index >= URING_RING_FDS)
			r = fail_plain("an io_uring that is registered as number %u",
				       e->threads[i]->index);
	return r;
}

static const UringEntry *entry_of(const struct uring_file *u)
{
	return u->file.entry->ext->uring;
}

static bool is_maker(const struct uring_file *u, const struct task *t)
{
	return (pid_t)entry_of(u)->pid == t->pid;
}

size_t urings_room(const struct restore *r, const struct task *t)
{
	size_t ops = 0, bytes = 0;

	for (const struct uring_file *u = r->urings; u; u = u->next) {
		const UringEntry *e = entry_of(u);

		ops += e->n_threads + (is_maker(u, t) ? OPS_OF_RING : 0);
		if (is_maker(u, t))
			bytes += ((size_t)e->nr_files + e->nr_buffers) * SLOT_BYTES;
	}
	return ops * (sizeof(struct op) + 3 * RECORD_BYTES) + bytes;
}

static void call(struct program *p, int fd, unsigned int what, const void *arg, size_t size,
		 unsigned int nr)
{
	PROGRAM_SYSCALL(p, OP_WHAT_URING_REGISTER, SYS_io_uring_register, (uint64_t)fd, what,
			program_copy(p, arg, size), nr);
}

static void table_register(struct program *p, int fd, unsigned int what, uint32_t nr,
			   const void *data, const uint64_t *tags)
{
	struct io_uring_rsrc_register reg = {
		.nr = nr,
		.data = (uint64_t)(uintptr_t)data,
		.tags = (uint64_t)(uintptr_t)tags,
	};

	call(p, fd, what, &reg, sizeof(reg), sizeof(reg));
}

static void files_register(struct program *p, const struct uring_file *u)
{
	const UringEntry *e = entry_of(u);
	struct {
		uint32_t off, len;
		uint64_t rest;
	} range = { e->alloc_start, e->alloc_end - e->alloc_start, 0 };
	uint64_t *tags;
	int32_t *fds;

	if (!e->nr_files)
		return;
	tags = program_data(p, e->nr_files * sizeof(*tags));
	fds = program_data(p, e->nr_files * sizeof(*fds));
	memset(fds, 0xff, e->nr_files * sizeof(*fds)); /* -1: nothing */
	for (size_t i = 0; i < e->n_files; i++) {
		fds[e->files[i]->index] = (int32_t)e->files[i]->fd;
		tags[e->files[i]->index] = e->files[i]->tag;
	}
	table_register(p, u->fd, IORING_REGISTER_FILES2, e->nr_files, fds, tags);
	if (range.off || range.len != e->nr_files)
		call(p, u->fd, IORING_REGISTER_FILE_ALLOC_RANGE, &range, sizeof(range), 0);
}

static void buffers_register(struct program *p, const struct uring_file *u)
{
	const UringEntry *e = entry_of(u);
	struct iovec *iov;
	uint64_t *tags;

	if (!e->nr_buffers)
		return;
	tags = program_data(p, e->nr_buffers * sizeof(*tags));
	iov = program_data(p, e->nr_buffers * sizeof(*iov));
	for (size_t i = 0; i < e->n_buffers; i++) {
		const UringSlotEntry *b = e->buffers[i];

		iov[b->index] = (struct iovec){ (void *)(uintptr_t)b->addr, b->len };
		tags[b->index] = b->tag;
	}
	table_register(p, u->fd, IORING_REGISTER_BUFFERS2, e->nr_buffers, iov, tags);
}

static void event_register(struct program *p, const struct uring_file *u)
{
	const UringEntry *e = entry_of(u);
	int32_t fd = (int32_t)e->event_fd;

	if (e->has_event_fd)
		call(p, u->fd,
		     e->event_async ? IORING_REGISTER_EVENTFD_ASYNC : IORING_REGISTER_EVENTFD, &fd,
		     sizeof(fd), 1);
}

/* The number that a ring has in a process which has not made it; -1. */
static int number_of(const struct uring_file *u, const struct task *t)
{
	const struct task_restore *tr = t->restore->fdtable->restore;

	if (is_maker(u, t))
		return u->fd;
	for (size_t i = 0; i < tr->nr_slots; i++)
		if (tr->slots[i].file == &u->file)
			return tr->slots[i].fd;
	return -1;
}

void urings_thread_program(struct program *p, const struct restore *r, const struct task *t,
			   pid_t tid)
{
	for (const struct uring_file *u = r->urings; u; u = u->next)
		for (size_t i = 0; i < entry_of(u)->n_threads; i++) {
			const UringThreadEntry *e = entry_of(u)->threads[i];
			int fd = number_of(u, t);
			struct io_uring_rsrc_update reg = { .offset = e->index,
							    .data = (uint32_t)fd };

			if ((pid_t)e->tid == tid)
				call(p, fd, IORING_REGISTER_RING_FDS, &reg, sizeof(reg), 1);
		}
}

void urings_program(struct program *p, const struct restore *r, const struct task *t)
{
	for (const struct uring_file *u = r->urings; u; u = u->next) {
		if (!is_maker(u, t))
			continue;
		files_register(p, u);
		buffers_register(p, u);
		event_register(p, u);
	}
	urings_thread_program(p, r, t, t->pid);
}
