// SPDX-License-Identifier: GPL-2.0-only
/*
 * The object behind MAP_SHARED | MAP_ANONYMOUS is a file of an internal tmpfs. Through
 * /proc/PID/map_files it can be opened, and lseek(2) tells which pages it has: page
 * tables of the tasks show only what each of them has touched.
 */
#include "criu/mem/shmem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/image/dir.h"
#include "criu/mem/pages.h"
#include "criu/mem/sysv.h"
#include "criu/mem/vma.h"

struct shmem_seen {
	uint64_t key, shmid;
};

static int write_contents(struct page_out *o, int fd, off_t end)
{
	off_t at = 0;

	while (at < end) {
		off_t data = lseek(fd, at, SEEK_DATA), hole;
		int r;

		if (data < 0 && errno == ENXIO)
			return 0;
		hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return fail(errno, "seek in shared memory");
		r = page_out_file(o, fd, (uint64_t)data, PAGE_UP((uint64_t)(hole - data)));
		if (r < 0)
			return r;
		at = hole;
	}
	return 0;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	return !p[0] && memcmp(p, p + 1, len - 1) == 0;
}

/* hugetlbfs does not tell where it has data. What is all zero is a hole afterwards. */
static int write_huge(struct page_out *o, int fd, off_t end, size_t huge)
{
	cleanup_free uint8_t *page = mem_alloc(huge);

	for (off_t at = 0; at < end; at += (off_t)huge) {
		int r = io_pread(fd, page, huge, at);

		if (r < 0)
			return fail(-r, "read huge pages");
		r = is_zero(page, huge) ? 0 : page_out_file(o, fd, (uint64_t)at, huge);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_file(struct page_out *o, int fd, off_t end)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return fail(errno, "statfs of shared memory");
	return fs.f_type == HUGETLBFS_MAGIC ? write_huge(o, fd, end, (size_t)fs.f_bsize)
					    : write_contents(o, fd, end);
}

/* Segments of System V go by their own numbers, which are inodes. */
static bool is_taken(const struct dump *d, uint64_t shmid)
{
	const struct task *t;

	tasks_for_each(t, &d->tree)
		for (size_t i = 0; i < t->vmas.nr; i++)
			if (t->vmas.v[i].ino == shmid && sysv_is(&t->vmas.v[i]))
				return true;
	return false;
}

uint32_t shmem_next_id(struct dump *d)
{
	if (!d->next_shmid) {
		const struct task *t;

		tasks_for_each(t, &d->tree)
			for (size_t i = 0; i < t->vmas.nr && !d->has_sysv; i++)
				d->has_sysv = sysv_is(&t->vmas.v[i]);
	}
	do
		d->next_shmid++;
	while (d->has_sysv && is_taken(d, d->next_shmid));
	return d->next_shmid;
}

int shmem_dump_file(struct dump *d, int fd, off_t size, uint64_t shmid)
{
	struct page_out o;
	int r;

	if (image_dir_is_nowhere(d->s->images))
		return 0;
	if (!d->shmem_room)
		d->shmem_room = mem_alloc(sizeof(*d->shmem_room));
	r = page_out_open(&o, d->s, d->shmem_room, IMAGE_SHMEM_PAGEMAP, shmid,
			  (struct page_place){ .pages_id = d->next_pages_id++, .fd = -1 }, 0);

	if (r >= 0)
		r = write_file(&o, fd, size);
	if (r >= 0)
		r = page_out_close(&o);
	d->s->stats.shpages_written += o.written;
	d->s->stats.memwrite_us += o.copy.write_us;
	page_out_done(&o);
	return r;
}

void shmem_dump_done(struct dump *d)
{
	if (d->shmem_room)
		page_room_done(d->shmem_room);
	free(d->shmem_room);
	d->shmem_room = NULL;
}

static int contents_dump(struct dump *d, const struct task *t, const struct proc_vma *v,
			 uint64_t shmid, uint64_t *ret_size)
{
	char path[80];
	cleanup_close int fd = -1;
	off_t size;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", (int)task_tid(t),
		 (unsigned long long)v->start, (unsigned long long)v->end);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, "open %s", path);
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return fail(errno, "seek in shared memory");
	*ret_size = (uint64_t)size;
	return shmem_dump_file(d, fd, size, shmid);
}

/* True: it is met for the first time. */
static bool find_id(struct dump *d, const struct proc_vma *v, VmaEntry *e)
{
	uint64_t key = vma_shmem_key(v);
	struct shmem_seen *s;

	for (size_t i = 0; i < d->nr_shmems; i++) {
		if (d->shmems[i].key == key) {
			e->shmid = d->shmems[i].shmid;
			return false;
		}
	}
	s = array_push(d->shmems, d->nr_shmems, d->cap_shmems);
	s->key = key;
	s->shmid = e->shmid = shmem_next_id(d);
	return true;
}

void shmem_dump_huge(struct dump *d, const struct proc_vma *v, VmaEntry *e)
{
	find_id(d, v, e);
	e->pgoff = v->pgoff;
}

int shmem_dump(struct dump *d, const struct task *t, const struct proc_vma *v, VmaEntry *e)
{
	uint64_t size = 0;
	int r;

	if (!find_id(d, v, e))
		return 0;
	r = contents_dump(d, t, v, e->shmid, &size);
	/* What is not mapped any more comes back when a mapping grows over it. */
	e->has_shmem_size = size > v->pgoff + (v->end - v->start);
	e->shmem_size = size;
	return r;
}
