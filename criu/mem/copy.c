// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a stopped task goes through a buffer that stays in the processor's cache:
 * process_vm_readv(2) of many ranges at once, one write(2). Where a mapping cannot be read
 * that way (PROT_NONE), /proc/PID/mem can.
 *
 * process_vm_readv pins the pages, and to be pinned a page that is shared after a fork is
 * first copied (FAULT_FLAG_UNSHARE): the tree would take more memory than before. Reading
 * /proc/PID/mem does not pin.
 *
 * Every page has its place in the file before it is copied, so that several processors can be at
 * one task's memory: while one writes to the file, which locks out all others, they read.
 */
#include "criu/mem/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/image/dir.h"

#define PART_BYTES PAGE_ROOM_BYTES

void page_pieces_add(struct page_pieces *l, uint64_t addr, uint64_t len, uint64_t off)
{
	struct page_piece *last = l->nr ? &l->v[l->nr - 1] : NULL;

	l->bytes += len;
	if (last && last->addr + last->len == addr && last->off + last->len == off)
		last->len += len;
	else
		*array_push(l->v, l->nr, l->cap) = (struct page_piece){ addr, len, off };
}

void page_pieces_done(struct page_pieces *l)
{
	free(l->v);
	*l = (struct page_pieces){ 0 };
}

void page_room_done(struct page_room *room)
{
	free(room->buf);
	free(room->iov);
	*room = (struct page_room){ 0 };
}

void page_room_make(struct page_room *room)
{
	if (room->buf)
		return;
	room->buf = mem_alloc(PAGE_ROOM_BYTES);
	room->iov = mem_alloc(IOV_MAX * sizeof(*room->iov));
}

/* --- what waits in the room ------------------------------------------------------- */

struct waiting {
	struct page_copy *c;
	uint8_t *buf;
	struct iovec *iov;
	size_t nr_iov;
	uint64_t bytes, off;
	int mem; /* /proc/PID/mem, opened when needed; -1 */
};

static int mem_try(struct waiting *w)
{
	char path[32];

	if (w->mem >= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)w->c->pid);
	w->mem = open(path, O_RDONLY | O_CLOEXEC);
	return w->mem < 0 ? -errno : 0;
}

/* What has gone since it was looked at is of no interest any more, to nobody: no dump that
 * builds upon this one refers to it. Its place is taken by zeros. */
static void copy_what_is_left(struct waiting *w)
{
	uint8_t *to = w->buf;

	mem_try(w);
	for (size_t i = 0; i < w->nr_iov; i++) {
		uint64_t at = (uintptr_t)w->iov[i].iov_base, end = at + w->iov[i].iov_len;

		for (; at < end; at += PAGE_BYTES, to += PAGE_BYTES)
			if (w->mem < 0 || io_pread(w->mem, to, PAGE_BYTES, (off_t)at) < 0)
				memset(to, 0, PAGE_BYTES);
	}
}

static int copy_slowly(struct waiting *w)
{
	uint8_t *to = w->buf;
	int r = mem_try(w);

	if (r < 0)
		return fail(-r, "open /proc/%d/mem", (int)w->c->pid);
	for (size_t i = 0; i < w->nr_iov; i++) {
		const struct iovec *v = &w->iov[i];

		r = io_pread(w->mem, to, v->iov_len, (off_t)(uintptr_t)v->iov_base);
		if (r < 0)
			return fail(-r, "read memory at %p", v->iov_base);
		to += v->iov_len;
	}
	return 0;
}

static int write_out(struct waiting *w)
{
	uint64_t start = clock_us();
	int r = io_pwrite(w->c->fd, w->buf, w->bytes, (off_t)w->off);

	__atomic_add_fetch(&w->c->write_us, clock_us() - start, __ATOMIC_RELAXED);
	progress_add(&w->c->s->progress, w->bytes);
	return r < 0 ? fail(-r, "write page contents to %s", image_dir_path(w->c->s->images)) : 0;
}

static int flush(struct waiting *w)
{
	struct iovec here = { .iov_base = w->buf, .iov_len = w->bytes };
	ssize_t n;
	int r = session_interrupted(w->c->s);

	if (!w->bytes || r < 0)
		return r;
	n = w->c->gently ? 0 : process_vm_readv(w->c->pid, &here, 1, w->iov, w->nr_iov, 0);
	if (n != (ssize_t)w->bytes && w->c->runs_on)
		copy_what_is_left(w);
	else if (n != (ssize_t)w->bytes)
		r = copy_slowly(w);
	if (r >= 0)
		r = write_out(w);
	w->nr_iov = 0;
	w->bytes = 0;
	return r;
}

static int wait_for_more(struct waiting *w, struct page_piece p)
{
	while (p.len) {
		uint64_t n = p.len;
		int r = 0;

		if (w->bytes == PAGE_ROOM_BYTES || w->nr_iov == IOV_MAX ||
		    w->off + w->bytes != p.off)
			r = flush(w);
		if (r < 0)
			return r;
		if (!w->bytes)
			w->off = p.off;
		if (n > PAGE_ROOM_BYTES - w->bytes)
			n = PAGE_ROOM_BYTES - w->bytes;
		w->iov[w->nr_iov++] = (struct iovec){ (void *)(uintptr_t)p.addr, n };
		w->bytes += n;
		p = (struct page_piece){ p.addr + n, p.len - n, p.off + n };
	}
	return 0;
}

/* --- parts of a list --------------------------------------------------------------- */

/* Some bytes of a list, from `skip` in its piece `first` on. */
struct part {
	const struct page_load *load;
	size_t first;
	uint64_t skip, bytes;
};

static int part_copy(const struct part *part, struct page_room *room)
{
	const struct page_piece *v = part->load->pieces->v + part->first;
	uint64_t skip = part->skip, left = part->bytes;
	struct waiting w = { .c = part->load->copy, .mem = -1 };
	int r = 0;

	page_room_make(room);
	w.buf = room->buf;
	w.iov = room->iov;
	for (; left && r >= 0; v++) {
		struct page_piece p = { v->addr + skip, v->len - skip, v->off + skip };

		if (p.len > left)
			p.len = left;
		r = wait_for_more(&w, p);
		left -= p.len;
		skip = 0;
	}
	if (r >= 0)
		r = flush(&w);
	if (w.mem >= 0)
		close(w.mem);
	return r;
}

int page_copy(struct page_copy *c, struct page_room *room, const struct page_pieces *l)
{
	const struct page_load load = { NULL, c, l };
	const struct part all = { &load, 0, 0, l->bytes };

	return part_copy(&all, room);
}

struct copying {
	struct part *parts;
	size_t nr, cap;
	struct page_room room[PARALLEL_WORKERS_MAX];
};

static void parts_of(struct copying *x, const struct page_load *load)
{
	uint64_t left = load->pieces->bytes;
	struct part at = { load, 0, 0, 0 };

	while (left) {
		uint64_t n;

		at.bytes = left < PART_BYTES ? left : PART_BYTES;
		*array_push(x->parts, x->nr, x->cap) = at;
		left -= at.bytes;
		for (n = at.skip + at.bytes; left && n >= load->pieces->v[at.first].len; at.first++)
			n -= load->pieces->v[at.first].len;
		at.skip = n;
	}
}

static int one_part(void *ctx, size_t i, unsigned int worker)
{
	struct copying *x = ctx;

	return task_fail_at(part_copy(&x->parts[i], &x->room[worker]), x->parts[i].load->task);
}

int page_copy_all(const struct page_load *loads, size_t nr)
{
	struct copying x = { .nr = 0 };
	int r;

	for (size_t i = 0; i < nr; i++)
		parts_of(&x, &loads[i]);
	r = parallel_large(x.nr, one_part, &x);
	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++)
		page_room_done(&x.room[i]);
	free(x.parts);
	return r;
}
