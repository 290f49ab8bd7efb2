// SPDX-License-Identifier: GPL-2.0-only
/*
 * An address space is scanned once (PAGEMAP_SCAN) for pages that are its own: there, or
 * swapped out, and neither of a file nor the zero page. What is found is laid over the
 * list of mappings: only those with private pages count.
 */
#include "criu/mem/drain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "criu/base/cleanup.h"
#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/image/writer.h"
#include "criu/kernel/feature.h"
#include "criu/kernel/pagemap.h"
#include "criu/mem/aio.h"
#include "criu/mem/cow.h"
#include "criu/mem/ldt.h"
#include "criu/mem/pages.h"
#include "criu/mem/shmem.h"
#include "criu/mem/sysv.h"
#include "criu/mem/vma.h"

/* guards: the kernel tells them apart; before Linux 6.15 it does not. */
static int scan(const struct task *t, bool guards, struct pagemap_regions *ret, int *ret_fd)
{
	struct pagemap_query q = {
		.start = 0,
		.end = TASK_END,
		.inverted = PAGE_IS_FILE | PAGE_IS_PFNZERO,
		.all_of = PAGE_IS_FILE | PAGE_IS_PFNZERO,
		.any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.report = guards ? PAGE_IS_GUARD : 0,
	};
	char path[32];
	cleanup_close int fd = -1;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)task_tid(t));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, "open %s", path);
	r = pagemap_collect(fd, &q, ret);
	if (r < 0)
		return fail(-r, "scan %s", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

static uint32_t page_flags(const VmaEntry *v)
{
	return PAGE_PRESENT |
	       (v->status & VMA_ANON_PRIVATE && !(v->status & VMA_VDSO) ? PAGE_LAZY : 0);
}

/* cow: NULL when all pages are the task's own. */
static int range_write(struct page_out *o, struct cow *cow, uint64_t from, uint64_t to,
		       uint32_t flags)
{
	return cow ? cow_range(cow, from, to, flags) : page_out_range(o, from, to, flags);
}

/* Regions and mappings both ascend: one walk over the two. */
static int write_regions(struct page_out *o, struct cow *cow, const MmEntry *mm,
			 const struct pagemap_regions *l)
{
	size_t i = 0;

	for (size_t v = 0; v < mm->n_vmas; v++) {
		const VmaEntry *vma = mm->vmas[v];

		if (!vma_has_private_pages(vma))
			continue;
		if (vma->status & (VMA_VDSO | VMA_AIORING)) {
			/* The vdso: for a restore to compare it with its own. */
			int r = page_out_range(o, vma->start, vma->end, page_flags(vma));

			if (r < 0)
				return r;
			continue;
		}
		while (i < l->nr && l->v[i].end <= vma->start)
			i++;
		for (size_t j = i; j < l->nr && l->v[j].start < vma->end; j++) {
			uint64_t from = l->v[j].start > vma->start ? l->v[j].start : vma->start;
			uint64_t to = l->v[j].end < vma->end ? l->v[j].end : vma->end;
			int r = l->v[j].categories & PAGE_IS_GUARD
				    ? 0
				    : range_write(o, cow, from, to, page_flags(vma));

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* What has a guard, a mapping after the other. to: NULL to count them. */
static size_t guards_find(const MmEntry *mm, const struct pagemap_regions *l, VmaEntry *to)
{
	size_t nr = 0;

	for (size_t i = 0; i < l->nr; i++) {
		const struct page_region *region = &l->v[i];

		if (!(region->categories & PAGE_IS_GUARD))
			continue;
		for (size_t v = vma_find(mm, region->start);
		     v < mm->n_vmas && mm->vmas[v]->start < region->end; v++) {
			const VmaEntry *vma = mm->vmas[v];

			if (to) {
				to[nr] = *vma;
				to[nr].start =
				    region->start > vma->start ? region->start : vma->start;
				to[nr].end = region->end < vma->end ? region->end : vma->end;
				to[nr].status = VMA_GUARD;
			}
			nr++;
		}
	}
	return nr;
}

/* Others look at t->mm meanwhile: guards are only in the image. */
static int mm_write(struct dump *d, const struct task *t, const struct pagemap_regions *l)
{
	size_t nr = guards_find(t->mm, l, NULL);
	cleanup_free VmaEntry *guards = NULL;
	cleanup_free VmaEntry **all = NULL;
	MmEntry mm = *t->mm;

	if (nr) {
		guards = mem_alloc(nr * sizeof(*guards));
		all = mem_alloc((mm.n_vmas + nr) * sizeof(*all));
		memcpy(all, mm.vmas, mm.n_vmas * sizeof(*all));
		guards_find(t->mm, l, guards);
		for (size_t i = 0; i < nr; i++)
			all[mm.n_vmas++] = &guards[i];
		mm.vmas = all;
	}
	return image_put(d->s->images, IMAGE_MM, (uint64_t)t->pid, &mm.base);
}

struct draining {
	struct dump *d;
	bool guards;
	uint32_t first_pages_id;
	struct cow_kinship kinship;
	struct page_room room[PARALLEL_WORKERS_MAX];
};

static int pages_write(struct draining *dr, size_t i, struct page_out *o,
		       const struct pagemap_regions *regions, int pagemap)
{
	struct dump *d = dr->d;
	struct cow *cow;
	uint64_t same;
	int r = cow_open(&dr->kinship, &d->tree, i, pagemap, o, &cow);

	if (r >= 0)
		r = write_regions(o, cow, d->tree.tasks[i]->mm, regions);
	cow = cow_free(cow, &same);
	if (same)
		__atomic_store_n(&d->has_same_pages, true, __ATOMIC_RELAXED);
	return r < 0 ? r : page_out_close(o);
}

static int pages_dump(struct draining *dr, size_t i, struct page_room *room)
{
	struct dump *d = dr->d;
	const struct task *t = d->tree.tasks[i];
	struct pagemap_regions regions = { 0 };
	cleanup_close int pagemap = -1;
	struct page_out o;
	int r = scan(t, dr->guards, &regions, &pagemap);

	if (r >= 0)
		r = mm_write(d, t, &regions);

	if (r >= 0) {
		r = page_out_open(&o, d->s, room, IMAGE_PAGEMAP, (uint64_t)t->pid,
				  dr->first_pages_id + (uint32_t)i, task_tid(t));
		o.gently = cow_has_kin(&dr->kinship, i);
		if (r >= 0)
			r = pages_write(dr, i, &o, &regions, pagemap);
		__atomic_add_fetch(&d->s->stats.pages_written, o.written, __ATOMIC_RELAXED);
		__atomic_add_fetch(&d->s->stats.memwrite_us, o.write_us, __ATOMIC_RELAXED);
		page_out_done(&o);
	}
	pagemap_regions_done(&regions);
	return r;
}

/* The vdso's data pages may be shown as two mappings; images have them as one. */
static bool extends_vvar(const MmEntry *mm, const VmaEntry *e)
{
	const VmaEntry *last = mm->n_vmas ? mm->vmas[mm->n_vmas - 1] : NULL;

	return last && e->status & VMA_VVAR && last->status & VMA_VVAR && last->end == e->start;
}

/* A seal takes the right to write from a mapping, but leaves a trace of the descriptor that it
 * was made by. */
static void memfd_mark(const struct proc_vma *v, VmaEntry *e, enum mapped_kind kind)
{
	e->status |= VMA_MEMFD;
	if (kind == MAPPED_MEMFD_READONLY && v->vmflags & PROC_VMF(SH))
		e->fdflags = O_RDWR;
}

static int vmas_dump(struct dump *d, const struct task *t, MmEntry *mm)
{
	mm->vmas = arena_array(&d->arena, VmaEntry *, t->vmas.nr);
	for (size_t i = 0; i < t->vmas.nr; i++) {
		const struct proc_vma *v = &t->vmas.v[i];
		VmaEntry *e = vma_dump(&d->arena, t, v);
		int r = 0;

		if (!e)
			continue;
		if (extends_vvar(mm, e)) {
			mm->vmas[mm->n_vmas - 1]->end = e->end;
			continue;
		}
		if (vma_is_file(e)) {
			uint32_t id = 0;

			e->has_fdflags = true;
			e->fdflags = v->shared && v->vmflags & PROC_VMF(MW) ? O_RDWR : O_RDONLY;
			r = d->map_file(d, t, v, e->fdflags, &id);
			e->shmid = id;
			if (r > 0)
				memfd_mark(v, e, (enum mapped_kind)r);
		} else if (e->status & VMA_AIORING) {
			aio_dump(d, t, v, mm);
		} else if (e->status & VMA_SYSVIPC) {
			r = sysv_dump(d, t, v, e);
		} else if (e->status & VMA_ANON_SHARED) {
			r = shmem_dump(d, t, v, e);
		}
		if (r < 0)
			return fail_at(r, "mapping %llx-%llx", (unsigned long long)v->start,
				       (unsigned long long)v->end);
		mm->vmas[mm->n_vmas++] = e;
	}
	return 0;
}

static void mm_fields(const struct task *t, MmEntry *mm)
{
	mm->mm_start_code = t->stat.start_code;
	mm->mm_end_code = t->stat.end_code;
	mm->mm_start_data = t->stat.start_data;
	mm->mm_end_data = t->stat.end_data;
	mm->mm_start_stack = t->stat.start_stack;
	mm->mm_start_brk = t->stat.start_brk;
	mm->mm_brk = t->inner->brk;
	mm->mm_arg_start = t->stat.arg_start;
	mm->mm_arg_end = t->stat.arg_end;
	mm->mm_env_start = t->stat.env_start;
	mm->mm_env_end = t->stat.env_end;
	mm->has_dumpable = true;
	mm->dumpable = (int32_t)t->inner->dumpable;
	mm->has_lock_future = mm->lock_future = t->inner->lock_future;
	mm->has_lock_on_fault = mm->lock_on_fault = t->inner->lock_on_fault;
	mm->has_mdwe = mm->mdwe = t->inner->mdwe;
	mm->has_memory_merge = mm->memory_merge = t->inner->memory_merge;
	ldt_dump(t, mm);
	mm->has_thp_disabled = true;
	mm->thp_disabled = t->inner->thp_disabled;
}

static int mm_read(struct dump *d, struct task *t)
{
	MmEntry *mm = arena_message(&d->arena, MmEntry, MM_ENTRY__INIT);
	uint32_t exe = 0;
	int r;

	mm_fields(t, mm);
	mm->n_mm_saved_auxv = t->nr_auxv;
	mm->mm_saved_auxv = t->auxv;
	r = d->map_file(d, t, NULL, O_RDONLY, &exe);
	if (r >= 0)
		r = vmas_dump(d, t, mm);
	mm->exe_file_id = exe;
	t->mm = mm;
	return r;
}

int mappings_dump(struct dump *d)
{
	struct task *t;

	tasks_for_each(t, &d->tree) {
		int r = task_is_alive(t) && t->inner ? mm_read(d, t) : 0;

		if (r < 0)
			return task_fail_at(r, t);
	}
	return sysv_dump_end(d);
}

static int task_drain(void *ctx, size_t i, unsigned int worker)
{
	struct draining *dr = ctx;
	struct dump *d = dr->d;
	const struct task *t = d->tree.tasks[i];
	int r;

	if (!task_is_alive(t))
		return 0;
	r = pages_dump(dr, i, &dr->room[worker]);
	return task_fail_at(r, t);
}

static uint64_t pages_of(const MmEntry *mm)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < mm->n_vmas; i++)
		if (!(mm->vmas[i]->status & VMA_VSYSCALL))
			nr += (mm->vmas[i]->end - mm->vmas[i]->start) / PAGE_BYTES;
	return nr;
}

int drain_tasks(struct dump *d)
{
	struct draining dr = { .d = d,
			       .guards = feature_has(FEATURE_PAGEMAP_SCAN_GUARD_PAGES) > 0,
			       .first_pages_id = d->next_pages_id };
	uint64_t start = clock_us();
	struct task *t;
	int r;

	progress_start(&d->s->progress, "memory written", 0);
	cow_kinship_find(&dr.kinship, &d->tree);
	r = parallel_for(d->tree.nr, task_drain, &dr);
	cow_kinship_done(&dr.kinship);
	progress_end(&d->s->progress);
	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++)
		page_room_done(&dr.room[i]);
	if (r < 0)
		return r;
	d->next_pages_id += (uint32_t)d->tree.nr;
	tasks_for_each(t, &d->tree)
		d->s->stats.pages_scanned += t->mm ? pages_of(t->mm) : 0;
	d->s->stats.memdump_us = clock_us() - start;
	log_info("wrote %llu pages", (unsigned long long)d->s->stats.pages_written);
	return 0;
}
