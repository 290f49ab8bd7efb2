// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a stopped task goes through one buffer that stays in the processor's cache:
 * process_vm_readv(2) of many ranges at once, one write(2). Where a mapping cannot be read
 * that way (PROT_NONE), /proc/PID/mem can.
 *
 * process_vm_readv pins the pages, and to be pinned a page that is shared after a fork is
 * first copied (FAULT_FLAG_UNSHARE): the tree would take more memory than before. Reading
 * /proc/PID/mem does not pin.
 */
#include "criu/mem/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "images/pagemap.pb-c.h"

#define BUF_SIZE (512ul << 10)

void page_room_done(struct page_room *room)
{
	free(room->buf);
	free(room->iov);
	*room = (struct page_room){ 0 };
}

static void room_make(struct page_room *room)
{
	if (room->buf)
		return;
	room->buf = mem_alloc(BUF_SIZE);
	room->iov = mem_alloc(IOV_MAX * sizeof(*room->iov));
}

int page_out_open(struct page_out *o, struct session *s, struct page_room *room,
		  enum image_kind kind, uint64_t id, uint32_t pages_id, pid_t pid)
{
	PagemapHead head = PAGEMAP_HEAD__INIT;
	int r;

	*o = (struct page_out){ .s = s, .fd = -1, .mem = -1, .pid = pid };
	r = image_writer_open(s->images, kind, id, &o->map);
	if (r < 0)
		return r;
	head.pages_id = pages_id;
	r = image_write(o->map, &head.base);
	if (r < 0)
		return r;
	o->fd = image_create_raw(s->images, IMAGE_PAGES, pages_id);
	if (o->fd < 0)
		return o->fd;
	room_make(room);
	o->buf = room->buf;
	o->iov = room->iov;
	return 0;
}

static int write_out(struct page_out *o, uint64_t len)
{
	uint64_t start = clock_us();
	int r = io_write(o->fd, o->buf, len);

	o->write_us += clock_us() - start;
	o->written += len / PAGE_BYTES;
	progress_add(&o->s->progress, len);
	return r < 0 ? fail(-r, "write page contents to %s", image_dir_path(o->s->images)) : 0;
}

static int mem_try(struct page_out *o)
{
	char path[32];

	if (o->mem >= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)o->pid);
	o->mem = open(path, O_RDONLY | O_CLOEXEC);
	return o->mem < 0 ? -errno : 0;
}

static int mem_open(struct page_out *o)
{
	int r = mem_try(o);

	return r < 0 ? fail(-r, "open /proc/%d/mem", (int)o->pid) : 0;
}

/* What has gone since it was looked at is of no interest any more, to nobody: no dump that
 * builds upon this one refers to it. Its place is taken by zeros. */
static void copy_what_is_left(struct page_out *o)
{
	uint8_t *to = o->buf;

	for (size_t i = 0; i < o->nr_iov; i++) {
		uint64_t at = (uintptr_t)o->iov[i].iov_base, end = at + o->iov[i].iov_len;

		for (; at < end; at += PAGE_BYTES, to += PAGE_BYTES)
			if (o->mem < 0 || io_pread(o->mem, to, PAGE_BYTES, (off_t)at) < 0)
				memset(to, 0, PAGE_BYTES);
	}
}

static int copy_slowly(struct page_out *o)
{
	uint8_t *to = o->buf;
	int r = o->runs_on ? 0 : mem_open(o);

	if (o->runs_on) {
		mem_try(o);
		copy_what_is_left(o);
		return 0;
	}
	for (size_t i = 0; i < o->nr_iov && r >= 0; i++) {
		const struct iovec *v = &o->iov[i];

		r = io_pread(o->mem, to, v->iov_len, (off_t)(uintptr_t)v->iov_base);
		if (r < 0)
			return fail(-r, "read memory at %p", v->iov_base);
		to += v->iov_len;
	}
	return r;
}

static int flush(struct page_out *o)
{
	struct iovec here = { .iov_base = o->buf, .iov_len = o->queued };
	ssize_t n;
	int r = 0;

	if (!o->queued)
		return 0;
	n = o->gently ? 0 : process_vm_readv(o->pid, &here, 1, o->iov, o->nr_iov, 0);
	if (n != (ssize_t)o->queued)
		r = copy_slowly(o);
	if (r >= 0)
		r = write_out(o, o->queued);
	o->nr_iov = 0;
	o->queued = 0;
	return r;
}

static int queue(struct page_out *o, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t n = end - start;
		int r;

		if (n > BUF_SIZE - o->queued)
			n = BUF_SIZE - o->queued;
		o->iov[o->nr_iov++] = (struct iovec){ (void *)(uintptr_t)start, n };
		o->queued += n;
		start += n;
		if (o->queued < BUF_SIZE && o->nr_iov < IOV_MAX)
			continue;
		r = session_interrupted(o->s);
		if (r >= 0)
			r = flush(o);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run_end(struct page_out *o)
{
	PagemapEntry e = PAGEMAP_ENTRY__INIT;

	if (o->run_start == o->run_end)
		return 0;
	e.vaddr = o->run_start;
	e.has_nr_pages = true;
	e.nr_pages = (o->run_end - o->run_start) / PAGE_BYTES;
	e.has_flags = true;
	e.flags = o->run_flags;
	e.has_same_as = o->run_same_as != 0;
	e.same_as = o->run_same_as;
	o->run_start = o->run_end = 0;
	return image_write(o->map, &e.base);
}

static int run_add(struct page_out *o, uint64_t start, uint64_t end, uint32_t flags,
		   uint32_t same_as)
{
	int r;

	if (o->run_end == start && o->run_flags == flags && o->run_same_as == same_as &&
	    o->run_start != o->run_end) {
		o->run_end = end;
		return 0;
	}
	r = run_end(o);
	o->run_start = start;
	o->run_end = end;
	o->run_flags = flags;
	o->run_same_as = same_as;
	return r;
}

static int leave_out(struct page_out *o, uint64_t start, uint64_t end)
{
	struct page_later *last = o->nr_later ? &o->later[o->nr_later - 1] : NULL;
	int r = flush(o);
	off_t off;

	if (r < 0)
		return r;
	off = lseek(o->fd, (off_t)(end - start), SEEK_CUR);
	if (off < 0)
		return fail(errno, "seek in page contents");
	off -= (off_t)(end - start);
	if (last && last->addr + last->len == start && last->off + last->len == (uint64_t)off)
		last->len += end - start;
	else
		*array_push(o->later, o->nr_later, o->cap_later) =
		    (struct page_later){ start, end - start, (uint64_t)off };
	return 0;
}

int page_out_range(struct page_out *o, uint64_t start, uint64_t end, uint32_t flags)
{
	int r = run_add(o, start, end, flags & ~PAGE_LATER, 0);

	if (r >= 0 && flags & PAGE_LATER)
		return leave_out(o, start, end);
	if (flags & PAGE_IN_PARENT) {
		o->in_parent += (end - start) / PAGE_BYTES;
		return r;
	}
	return r < 0 ? r : queue(o, start, end);
}

int page_out_keep(struct page_out *o, struct page_out *ret)
{
	int r = flush(o);

	*ret = (struct page_out){
		.s = o->s, .fd = o->fd, .mem = -1, .later = o->later, .nr_later = o->nr_later
	};
	o->fd = -1;
	o->later = NULL;
	o->nr_later = 0;
	return r;
}

int page_out_later(struct page_out *o, struct page_room *room, pid_t pid)
{
	int r = 0;

	room_make(room);
	o->buf = room->buf;
	o->iov = room->iov;
	o->pid = pid;
	o->gently = true;
	for (size_t i = 0; i < o->nr_later && r >= 0; i++) {
		const struct page_later *l = &o->later[i];

		if (lseek(o->fd, (off_t)l->off, SEEK_SET) < 0)
			return fail(errno, "seek in page contents");
		r = queue(o, l->addr, l->addr + l->len);
		if (r >= 0)
			r = flush(o);
	}
	return r;
}

int page_out_same(struct page_out *o, uint64_t start, uint64_t end, uint32_t same_as)
{
	return run_add(o, start, end, 0, same_as);
}

/* The last page of a file may end in the middle: who has it mapped sees all of it. */
static int last_page_read(int fd, void *to, off_t off)
{
	void *page = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, fd, off);

	if (page == MAP_FAILED)
		return -errno;
	memcpy(to, page, PAGE_BYTES);
	munmap(page, PAGE_BYTES);
	return 0;
}

/* len: whole pages. */
static int file_read(int fd, uint8_t *to, uint64_t len, uint64_t off)
{
	struct stat st;
	uint64_t whole;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (off + len <= (uint64_t)st.st_size)
		return io_pread(fd, to, len, (off_t)off);
	if (off + len > PAGE_UP((uint64_t)st.st_size))
		return -ENODATA;
	whole = len - PAGE_BYTES;
	r = io_pread(fd, to, whole, (off_t)off);
	return r < 0 ? r : last_page_read(fd, to + whole, (off_t)(off + whole));
}

int page_out_file(struct page_out *o, int fd, uint64_t off, uint64_t len)
{
	int r = run_add(o, off, off + len, PAGE_PRESENT, 0);

	while (r >= 0 && len) {
		uint64_t n = len < BUF_SIZE ? len : BUF_SIZE;

		r = file_read(fd, o->buf, n, off);
		if (r < 0)
			return fail(-r, "read shared memory at offset %#llx",
				    (unsigned long long)off);
		r = write_out(o, n);
		off += n;
		len -= n;
	}
	return r;
}

int page_out_close(struct page_out *o)
{
	int r = flush(o);

	if (r >= 0)
		r = run_end(o);
	if (r >= 0 && o->map)
		r = image_writer_close(&o->map);
	if (r >= 0 && o->fd >= 0 && close(o->fd) < 0)
		r = fail(errno, "close page contents");
	else if (r >= 0)
		o->fd = -1;
	return r;
}

void page_out_done(struct page_out *o)
{
	image_writer_free(o->map);
	free(o->later);
	if (o->fd >= 0)
		close(o->fd);
	if (o->mem >= 0)
		close(o->mem);
	*o = (struct page_out){ .fd = -1, .mem = -1 };
}
