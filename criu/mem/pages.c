// SPDX-License-Identifier: GPL-2.0-only
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

int page_out_open(struct page_out *o, struct session *s, struct page_room *room,
		  enum image_kind kind, uint64_t id, struct page_place place, pid_t pid)
{
	PagemapHead head = PAGEMAP_HEAD__INIT;
	int r;

	*o = (struct page_out){
		.s = s,
		.room = room,
		.copy = { .s = s, .pid = pid, .fd = place.fd },
		.room_bytes = place.bytes,
	};
	r = image_writer_open(s->images, kind, id, &o->map);
	if (r < 0)
		return r;
	head.pages_id = place.pages_id;
	r = image_write(o->map, &head.base);
	if (r < 0 || o->copy.fd >= 0)
		return r;
	o->copy.fd = r = image_create_raw(s->images, IMAGE_PAGES, place.pages_id);
	return r < 0 ? r : 0;
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

int page_out_range(struct page_out *o, uint64_t start, uint64_t end, uint32_t flags)
{
	int r = run_add(o, start, end, flags & ~PAGE_LATER, 0);

	if (r < 0)
		return r;
	if (flags & PAGE_IN_PARENT) {
		o->in_parent += (end - start) / PAGE_BYTES;
		return 0;
	}
	page_pieces_add(flags & PAGE_LATER ? &o->later : &o->now, start, end - start, o->bytes);
	o->bytes += end - start;
	o->written += (end - start) / PAGE_BYTES;
	return 0;
}

int page_out_contents(struct page_out *o)
{
	int r = page_copy(&o->copy, o->room, &o->now);

	page_pieces_done(&o->now);
	return r;
}

int page_out_keep(struct page_out *o, struct page_out *ret)
{
	int r = run_end(o);

	if (r >= 0)
		r = image_writer_close(&o->map);
	*ret = *o;
	ret->map = NULL;
	ret->room = NULL;
	o->copy.fd = -1;
	o->now = o->later = (struct page_pieces){ 0 };
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

static int file_write(struct page_out *o, uint64_t len)
{
	uint64_t start = clock_us();
	int r = io_pwrite(o->copy.fd, o->room->buf, len, (off_t)o->bytes);

	o->copy.write_us += clock_us() - start;
	o->bytes += len;
	o->written += len / PAGE_BYTES;
	progress_add(&o->s->progress, len);
	return r < 0 ? fail(-r, "write page contents to %s", image_dir_path(o->s->images)) : 0;
}

int page_out_file(struct page_out *o, int fd, uint64_t off, uint64_t len)
{
	int r = run_add(o, off, off + len, PAGE_PRESENT, 0);

	page_room_make(o->room);
	while (r >= 0 && len) {
		uint64_t n = len < PAGE_ROOM_BYTES ? len : PAGE_ROOM_BYTES;

		r = file_read(fd, o->room->buf, n, off);
		if (r < 0)
			return fail(-r, "read shared memory at offset %#llx",
				    (unsigned long long)off);
		r = file_write(o, n);
		off += n;
		len -= n;
	}
	return r;
}

int page_out_close(struct page_out *o)
{
	int r = run_end(o);

	if (r >= 0 && o->map)
		r = image_writer_close(&o->map);
	if (r >= 0 && o->copy.fd >= 0 && o->room_bytes > o->bytes &&
	    ftruncate(o->copy.fd, (off_t)o->bytes) < 0)
		r = fail(errno, "cut off what is left of the room for page contents");
	if (r >= 0 && o->copy.fd >= 0 && close(o->copy.fd) < 0)
		r = fail(errno, "close page contents");
	else if (r >= 0)
		o->copy.fd = -1;
	return r;
}

void page_out_done(struct page_out *o)
{
	image_writer_free(o->map);
	page_pieces_done(&o->now);
	page_pieces_done(&o->later);
	if (o->copy.fd >= 0)
		close(o->copy.fd);
	*o = (struct page_out){ .copy.fd = -1 };
}
