// SPDX-License-Identifier: GPL-2.0-only
/*
 * One range that nobody uses: not a task, not crtool. It is reserved before the first
 * fork, so the tasks have it at the same address, and what is shared in it is shared.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/image/reader.h"
#include "criu/kernel/proc.h"
#include "criu/mem/load.h"
#include "criu/mem/pagemap.h"
#include "criu/mem/share.h"
#include "criu/mem/sysv.h"
#include "criu/mem/vma.h"
#include "criu/pie/blobs.h"

#define HOLE_LOWEST 0x10000000ull /* above mmap_min_addr and where programs begin */
#define HOLE_MARGIN (4ull << 20) /* the kernel keeps a gap below stacks that grow */
#define HOLE_TRIES  16
#define COMPAT_END  0xffffe000ull /* of what 32-bit calls can reach */

struct used {
	uint64_t start, end;
};

static int by_start(const void *a, const void *b)
{
	const struct used *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Ranges of the tasks and of crtool, sorted. Equal ones, as children have them, are many. */
static int used_ranges(const struct restore *r, struct used **ret, size_t *ret_nr)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_proc_vmas struct proc_vmas own = { 0 };
	cleanup_close int proc = proc_open(getpid());
	size_t nr = 0, cap = 0;
	struct used *u = NULL;
	struct task *t;
	int err = proc < 0 ? proc : proc_maps_read(proc, &b, &own);

	if (err < 0)
		return fail(-err, "read /proc/self/maps");
	for (size_t i = 0; i < own.nr; i++)
		*array_push(u, nr, cap) = (struct used){ own.v[i].start, own.v[i].end };
	tasks_for_each(t, &r->tree) {
		const MmEntry *mm = t->restore->mm;

		for (size_t i = 0; mm && i < mm->n_vmas; i++)
			*array_push(u, nr, cap) =
			    (struct used){ mm->vmas[i]->start, mm->vmas[i]->end };
	}
	if (nr)
		qsort(u, nr, sizeof(*u), by_start);
	*ret = u;
	*ret_nr = nr;
	return 0;
}

static void *map_at(uint64_t at, uint64_t len, int prot, int flags)
{
	return mmap((void *)(uintptr_t)at, len, prot, flags | MAP_ANONYMOUS, -1, 0);
}

/* First fit; what the kernel refuses after all is tried further up. */
static int hole_reserve(struct restore *r, const struct used *u, size_t nr)
{
	uint64_t at = HOLE_LOWEST, need = r->hole_len + 2 * HOLE_MARGIN;
	uint64_t end = r->has_compat ? COMPAT_END : TASK_END;
	unsigned int tries = 0;

	for (size_t i = 0; i <= nr; i++) {
		uint64_t limit = i < nr && u[i].start < end ? u[i].start : end;

		if (limit > at && limit - at >= need) {
			uint64_t hole = PAGE_UP(at + HOLE_MARGIN);

			if (map_at(hole, r->hole_len, PROT_NONE,
				   MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED_NOREPLACE) ==
			    (void *)(uintptr_t)hole) {
				r->hole = hole;
				return 0;
			}
			if (++tries == HOLE_TRIES)
				break;
		}
		if (i < nr && u[i].end > at)
			at = u[i].end;
	}
	return fail_plain("no range of %llu MiB is free in all address spaces",
			  (unsigned long long)(r->hole_len >> 20));
}

static int run_fill(const struct shmem_target *to, const struct page_run *run, int pages)
{
	off_t off = (off_t)run->off;
	void *at;
	int err;

	if (to->fd < 0)
		return io_pread(pages, (void *)(uintptr_t)(to->at + run->addr), run->len, off);
	at = mmap(NULL, run->len, PROT_READ | PROT_WRITE, MAP_SHARED, to->fd, (off_t)run->addr);
	if (at == MAP_FAILED)
		return -errno;
	err = io_pread(pages, at, run->len, off);
	munmap(at, run->len);
	return err;
}

static int file_fill(struct restore *r, const struct shmem_target *to, const struct page_list *l,
		     uint32_t file)
{
	cleanup_close int fd = page_file_open(r->chain, &l->files[file]);
	int err = fd < 0 ? fd : 0;

	for (size_t i = 0; i < l->nr && err >= 0; i++) {
		const struct page_run *run = &l->runs[i];

		if (run->source != file)
			continue;
		if (run->addr + run->len > PAGE_UP(to->size))
			return fail_plain("shared memory %llu: pages beyond its end",
					  (unsigned long long)to->shmid);
		err = run_fill(to, run, fd);
		if (err < 0)
			return fail(-err, "read pages-%u.img", l->files[file].pages_id);
		r->s->stats.pages_restored += run->len / PAGE_BYTES;
	}
	return err;
}

int shmem_fill(struct restore *r, const struct shmem_target *to)
{
	struct page_list list = { .nr = 0 };
	int err = page_list_load(r->chain, IMAGE_SHMEM_PAGEMAP, to->shmid, &list);

	if (err == 0)
		return fail(ENOENT, "%s/pagemap-shmem-%llu.img", image_dir_path(r->s->images),
			    (unsigned long long)to->shmid);
	if (err > 0 && list.nr_same)
		err = fail_plain("pages of a process in the pagemap of shared memory %llu",
				 (unsigned long long)to->shmid);
	for (uint32_t file = 0; file < list.nr_files && err >= 0; file++)
		err = file_fill(r, to, &list, file);
	page_list_done(&list);
	return err < 0 ? err : 0;
}

static int huge_fill(struct restore *r, struct shmem_segment *s, void *at)
{
	unsigned long long start = (uintptr_t)at, end = start + s->size;
	int fd, err = 0;
	char path[64];

	if (!s->is_private)
		err = shmem_fill(r, &(struct shmem_target){ s->shmid, s->size, start, -1 });

	if (err < 0)
		return err;
	snprintf(path, sizeof(path), "/proc/self/map_files/%llx-%llx", start, end);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, "open %s", path);
	s->fd = service_fd(r, fd);
	return s->fd < 0 ? s->fd : 0;
}

/* A mapping of huge pages cannot be mapped a second time by mremap: tasks map its file. */
static int huge_make(struct restore *r, struct shmem_segment *s)
{
	int flags = (s->is_private ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, err;
	void *at;

	s->size = (s->size + s->huge - 1) & ~(s->huge - 1);
	if (s->is_private || !s->reserve)
		flags |= MAP_NORESERVE;
	at = mmap(NULL, s->size, PROT_READ | PROT_WRITE, flags | (int)s->huge_flags, -1, 0);
	if (at == MAP_FAILED)
		return fail_hint(
		    fail(errno, "map %llu bytes of shared huge pages", (unsigned long long)s->size),
		    "raise vm.nr_hugepages or vm.nr_overcommit_hugepages");
	err = huge_fill(r, s, at);
	munmap(at, s->size);
	return err;
}

static int segments_make(struct restore *r)
{
	for (size_t i = 0; i < r->nr_segments; i++) {
		struct shmem_segment *s = &r->segments[i];
		int err = s->huge ? huge_make(r, s) : 0;

		if (err < 0)
			return err;
		if (s->huge)
			continue;

		if (map_at(s->at, s->size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_FIXED | (s->reserve ? 0 : MAP_NORESERVE)) == MAP_FAILED)
			return fail(errno, "map %llu bytes of shared memory",
				    (unsigned long long)s->size);
		err = shmem_fill(r, &(struct shmem_target){ s->shmid, s->size, s->at, -1 });
		if (err < 0)
			return err;
	}
	return 0;
}

/* What every task comes to is side by side. Returns the end. */
static uint64_t common_layout(struct restore *r, uint64_t *ret_brokers)
{
	uint64_t at = PAGE_UP(sizeof(struct stage_area) + r->tree.nr);
	struct task *t;

	r->blob = at;
	at += PAGE_UP((uint64_t)(restorer_blob_end - restorer_blob));
	*ret_brokers = at;
	at += PAGE_UP(BROKERS_MAX * sizeof(struct broker));
	tasks_for_each(t, &r->tree) {
		if (!t->restore->is_bare && !t->restore->has_bare)
			continue;
		t->restore->room_at = at;
		at += PAGE_UP(t->restore->room);
	}
	return at;
}

/* Offsets from the start of the hole; returns its length. */
static uint64_t layout(struct restore *r, uint64_t common)
{
	uint64_t at = common, room = 0;
	struct task *t;

	for (size_t i = 0; i < r->nr_segments; i++) {
		r->segments[i].at = at;
		at += r->segments[i].huge ? 0 : PAGE_UP(r->segments[i].size);
	}
	at = sysv_layout(r, at);
	r->staging = at;
	if (r->staging_len)
		at += r->staging_len + HUGE_BYTES; /* to be aligned */
	at = share_layout(r, at);
	r->private_at = at;
	tasks_for_each(t, &r->tree) {
		if (!t->restore->room_at && t->restore->room > room)
			room = t->restore->room;
	}
	return at + PAGE_UP(room);
}

static int common_make(struct restore *r, uint64_t len, uint64_t brokers)
{
	struct broker *had = r->brokers;
	struct task *t;

	if (map_at(r->hole, len, PROT_READ | PROT_WRITE | PROT_EXEC,
		   MAP_SHARED | MAP_NORESERVE | MAP_FIXED) == MAP_FAILED)
		return fail(errno, "map the stage area");
	r->stage = (struct stage_area *)(uintptr_t)r->hole;
	stage_init(r->stage, r->tree.nr);
	r->created = (uint8_t *)(r->stage + 1);
	tasks_for_each(t, &r->tree)
		t->restore->room_at += t->restore->room_at ? r->hole : 0;
	r->blob += r->hole;
	memcpy((void *)(uintptr_t)r->blob, restorer_blob,
	       (size_t)(restorer_blob_end - restorer_blob));
	r->brokers = (struct broker *)(uintptr_t)(r->hole + brokers);
	memcpy(r->brokers, had, r->nr_brokers * sizeof(*had));
	free(had);
	return 0;
}

int hole_make(struct restore *r)
{
	uint64_t brokers, common = common_layout(r, &brokers);
	struct used *u = NULL;
	size_t nr = 0;
	int err;

	r->hole_len = layout(r, common);
	err = used_ranges(r, &u, &nr);
	if (err >= 0) {
		err = hole_reserve(r, u, nr);
		free(u);
	}
	if (err < 0)
		return err;
	for (size_t i = 0; i < r->nr_segments; i++)
		r->segments[i].at += r->hole;
	r->private_at += r->hole;
	r->staging =
	    r->staging_len ? (r->staging + r->hole + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1) : 0;
	err = common_make(r, common, brokers);
	if (err < 0)
		return err;
	log_debug("hole at %#llx, %llu KiB", (unsigned long long)r->hole,
		  (unsigned long long)(r->hole_len >> 10));
	err = segments_make(r);
	if (err >= 0)
		err = sysv_make(r);
	return err < 0 ? err : share_make(r);
}

void hole_done(struct restore *r)
{
	if (r->hole)
		munmap((void *)(uintptr_t)r->hole, r->hole_len);
	else
		free(r->brokers);
	r->hole = 0;
	r->brokers = NULL;
	r->stage = NULL;
	r->created = NULL;
	free(r->segments);
	r->segments = NULL;
	share_done(r);
}
