// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a scan finds of pages that are a task's own (scan.c) is laid over the list of its mappings:
 * only those with private pages count.
 */
#include "criu/mem/drain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/cleanup.h"
#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/image/writer.h"
#include "criu/kernel/pagemap.h"
#include "criu/mem/aio.h"
#include "criu/mem/copy.h"
#include "criu/mem/cow.h"
#include "criu/mem/dirty.h"
#include "criu/mem/ldt.h"
#include "criu/mem/pages.h"
#include "criu/mem/scan.h"
#include "criu/mem/shmem.h"
#include "criu/mem/snapshot.h"
#include "criu/mem/sysv.h"
#include "criu/mem/uring.h"
#include "criu/mem/vma.h"

/* Of a task that has so much to be copied, several processors copy. */
#define LARGE_BYTES (4ull << 20)

#define SHARES_WANTED 64 /* of the tree, so that no processor has to wait for another */
#define TOGETHER_MAX  16 /* tasks */

static uint32_t page_flags(const struct task *t, const VmaEntry *v, uint64_t categories, bool later)
{
	if (dirty_is_clean(t, v, categories))
		return PAGE_IN_PARENT;
	return PAGE_PRESENT | (later ? PAGE_LATER : 0) |
	       (v->status & VMA_ANON_PRIVATE && !(v->status & VMA_VDSO) ? PAGE_LAZY : 0);
}

/* cow: NULL when all pages are the task's own. */
static int range_write(struct page_out *o, struct cow *cow, const VmaEntry *vma, uint64_t from,
		       uint64_t to, uint32_t flags)
{
	if (cow && !vma->userfault)
		return cow_range(cow, from, to, flags);
	o->copy.gently |= cow != NULL;
	return page_out_range(o, from, to, flags);
}

/* Regions and mappings both ascend: one walk over the two. */
static int write_regions(struct page_out *o, struct cow *cow, const struct task *t,
			 const struct pagemap_regions *l)
{
	const MmEntry *mm = t->mm;
	size_t i = 0;

	for (size_t v = 0; v < mm->n_vmas; v++) {
		const VmaEntry *vma = mm->vmas[v];
		bool later = snapshot_has(t, vma);

		if (!vma_has_private_pages(vma))
			continue;
		if (vma->status & (VMA_VDSO | VMA_AIORING)) {
			/* The vdso: for a restore to compare it with its own. */
			int r =
			    page_out_range(o, vma->start, vma->end, page_flags(t, vma, 0, false));

			if (r < 0)
				return r;
			continue;
		}
		while (i < l->nr && l->v[i].end <= vma->start)
			i++;
		for (size_t j = i; j < l->nr && l->v[j].start < vma->end; j++) {
			uint64_t from = l->v[j].start > vma->start ? l->v[j].start : vma->start;
			uint64_t to = l->v[j].end < vma->end ? l->v[j].end : vma->end;
			uint64_t is = l->v[j].categories;
			int r = is & PAGE_IS_GUARD
				    ? 0
				    : range_write(o, cow, vma, from, to,
						  page_flags(t, vma, is, later));

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
	uint32_t first_pages_id;
	struct cow_kinship kinship;
	size_t together; /* tasks that a processor takes at a time */
	struct page_room room[PARALLEL_WORKERS_MAX];
	struct cow *cow[PARALLEL_WORKERS_MAX];
};

static int pages_write(struct draining *dr, size_t i, unsigned int worker, int *pagemap,
		       struct page_out *o, const struct pagemap_regions *regions)
{
	struct dump *d = dr->d;
	struct cow **cow = &dr->cow[worker];
	/* Who has which page in common can only be told as long as all stand still. */
	bool has_kin = !d->memory_only && cow_begin(cow, &dr->kinship, &d->tree, i, pagemap, o);
	int r = write_regions(o, has_kin ? *cow : NULL, d->tree.tasks[i], regions);

	if (has_kin && cow_end(*cow))
		__atomic_store_n(&d->has_same_pages, true, __ATOMIC_RELAXED);
	if (r >= 0 && (o->later.nr || o->now.bytes >= LARGE_BYTES)) {
		d->unfinished[i] = mem_alloc(sizeof(*o));
		return page_out_keep(o, d->unfinished[i]);
	}
	if (r >= 0)
		r = page_out_contents(o);
	return r < 0 ? r : page_out_close(o);
}

static int pages_dump(struct draining *dr, size_t i, unsigned int worker)
{
	struct dump *d = dr->d;
	const struct task *t = d->tree.tasks[i];
	struct pagemap_regions own = { 0 };
	const struct pagemap_regions *regions = d->regions ? &d->regions[i] : &own;
	cleanup_close int pagemap = d->regions ? -1 : scan_open(t);
	struct page_out o;
	int r = d->regions ? 0 : pagemap;

	if (pagemap >= 0)
		r = scan_own_pages(pagemap, t, dirty_categories(t), &own);
	if (r >= 0 && !d->regions)
		dirty_confine(t, &own);
	if (r >= 0 && !d->memory_only)
		r = mm_write(d, t, regions);
	if (r >= 0) {
		r = page_out_open(&o, d->s, &dr->room[worker], IMAGE_PAGEMAP, (uint64_t)t->pid,
				  place_take(d, t->pid, dr->first_pages_id + (uint32_t)i),
				  task_tid(t));
		o.copy.gently = cow_has_kin(&dr->kinship, i);
		o.copy.runs_on = d->memory_only;
		if (r >= 0)
			r = pages_write(dr, i, worker, &pagemap, &o, regions);
		__atomic_add_fetch(&d->s->stats.pages_written, o.written, __ATOMIC_RELAXED);
		__atomic_add_fetch(&d->s->stats.pages_in_parent, o.in_parent, __ATOMIC_RELAXED);
		__atomic_add_fetch(&d->s->stats.memwrite_us, o.copy.write_us, __ATOMIC_RELAXED);
		page_out_done(&o);
	}
	pagemap_regions_done(&own);
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
	if (kind == MAPPED_SECRET) {
		/* To lock it would bring in pages that were not there. */
		e->flags &= ~(uint32_t)MAP_LOCKED;
		return;
	}
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
		} else if (e->status & VMA_ANON_PRIVATE && vma_huge_bytes(e)) {
			shmem_dump_huge(d, v, e);
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

/* Nothing in the list is more than what its mappings read like. */
static bool vmas_are_plain(const struct dump *d, const struct task *t)
{
	if (!t->vmas.like || t->dirty || dirty_tracks(d) || d->userfaults || blockers_count())
		return false;
	for (size_t i = 0; i < t->vmas.nr; i++)
		if (t->vmas.v[i].shared || uring_vma_is(&t->vmas.v[i]))
			return false;
	return true;
}

/* known: lists of tasks by t->vmas.like. */
static int vmas_dump_once(struct dump *d, const struct task *t, struct map *known, MmEntry *mm)
{
	bool plain = vmas_are_plain(d, t);
	const MmEntry *same = plain ? map_get(known, (uintptr_t)t->vmas.like) : NULL;
	int r;

	if (same) {
		mm->n_vmas = same->n_vmas;
		mm->vmas = same->vmas;
		return 0;
	}
	r = vmas_dump(d, t, mm);
	if (r >= 0 && plain && !blockers_count())
		map_put(known, (uintptr_t)t->vmas.like, mm);
	return r;
}

static int mm_read(struct dump *d, struct task *t, struct map *known)
{
	MmEntry *mm = arena_message(&d->arena, MmEntry, MM_ENTRY__INIT);
	uint32_t exe = 0;
	int r;

	mm_fields(t, mm);
	mm->n_mm_saved_auxv = t->nr_auxv;
	mm->mm_saved_auxv = t->auxv;
	r = d->map_file(d, t, NULL, O_RDONLY, &exe);
	if (r >= 0)
		r = vmas_dump_once(d, t, known, mm);
	mm->exe_file_id = exe;
	t->mm = mm;
	return r;
}

int mappings_dump(struct dump *d)
{
	struct map known = { 0 };
	struct task *t;
	int r = 0;

	tasks_for_each(t, &d->tree) {
		if (r >= 0 && task_is_alive(t) && t->inner)
			r = task_fail_at(mm_read(d, t, &known), t);
	}
	map_done(&known);
	return r < 0 ? r : sysv_dump_end(d);
}

/* What a pre-dump has to know of the mappings: which of them have pages of their own. */
static void outline(struct dump *d, struct task *t)
{
	MmEntry *mm = arena_message(&d->arena, MmEntry, MM_ENTRY__INIT);

	mm->vmas = arena_array(&d->arena, VmaEntry *, t->vmas.nr);
	for (size_t i = 0; i < t->vmas.nr; i++) {
		VmaEntry *e = arena_message(&d->arena, VmaEntry, VMA_ENTRY__INIT);

		e->start = t->vmas.v[i].start;
		e->end = t->vmas.v[i].end;
		e->status = vma_kind(&t->vmas.v[i]);
		e->userfault = t->vmas.v[i].userfault_kept;
		if (!(e->status & (VMA_VDSO | VMA_AIORING)))
			mm->vmas[mm->n_vmas++] = e;
	}
	t->mm = mm;
}

static int scan_one(void *ctx, size_t i, unsigned int worker)
{
	struct dump *d = ctx;
	const struct task *t = d->tree.tasks[i];
	cleanup_close int fd = -1;
	int r;

	(void)worker;
	if (!task_is_alive(t))
		return 0;
	r = fd = scan_open(t);
	if (r >= 0)
		r = scan_own_pages(fd, t, dirty_categories(t), &d->regions[i]);
	return task_fail_at(r, t);
}

void drain_outline(struct dump *d)
{
	struct task *t;

	tasks_for_each(t, &d->tree)
		if (task_is_alive(t) && !t->mm)
			outline(d, t);
}

int drain_scan(struct dump *d)
{
	d->regions = mem_alloc(d->tree.nr * sizeof(*d->regions));
	drain_outline(d);
	return parallel_for(d->tree.nr, scan_one, d);
}

/* All that is left of a task is in its place. */
static int finish(struct dump *d, size_t i)
{
	struct page_out *o = d->unfinished[i];
	int r = page_out_close(o);

	d->s->stats.memwrite_us += o->copy.write_us;
	page_out_done(o);
	free(o);
	d->unfinished[i] = NULL;
	return task_fail_at(r, d->tree.tasks[i]);
}

/* later: what was left for the copies. */
static int copy_unfinished(struct dump *d, bool later)
{
	struct page_load *loads = mem_alloc((d->tree.nr + 1) * sizeof(*loads));
	size_t nr = 0;
	int r;

	for (size_t i = 0; i < d->tree.nr; i++) {
		const struct task *t = d->tree.tasks[i];
		struct page_out *o = d->unfinished[i];

		if (!o)
			continue;
		if (later) {
			o->copy.pid = snapshot_pid(t);
			o->copy.gently = true;
		}
		loads[nr++] = (struct page_load){ t, &o->copy, later ? &o->later : &o->now };
	}
	r = page_copy_all(loads, nr);
	for (size_t i = 0; i < d->tree.nr && r >= 0; i++)
		if (d->unfinished[i] && (later || !d->unfinished[i]->later.nr))
			r = finish(d, i);
	free(loads);
	return r;
}

int drain_later(struct dump *d)
{
	int r;

	progress_start(&d->s->progress, "memory written", 0);
	r = copy_unfinished(d, true);
	progress_end(&d->s->progress);
	snapshots_done(d);
	return r;
}

void drain_done(struct dump *d)
{
	for (size_t i = 0; i < d->tree.nr && d->unfinished; i++) {
		if (d->unfinished[i])
			page_out_done(d->unfinished[i]);
		free(d->unfinished[i]);
	}
	free(d->unfinished);
	d->unfinished = NULL;
	snapshots_done(d);
	places_done(d);

	for (size_t i = 0; i < d->tree.nr && d->regions; i++)
		pagemap_regions_done(&d->regions[i]);
	free(d->regions);
	d->regions = NULL;
}

/* Neighbours in the tree are kin most often. */
static int some_drain(void *ctx, size_t k, unsigned int worker)
{
	struct draining *dr = ctx;
	const struct tree *tree = &dr->d->tree;
	size_t end = (k + 1) * dr->together < tree->nr ? (k + 1) * dr->together : tree->nr;
	int r = 0;

	for (size_t i = k * dr->together; i < end && r >= 0; i++)
		if (task_is_alive(tree->tasks[i]))
			r = task_fail_at(pages_dump(dr, i, worker), tree->tasks[i]);
	return r;
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
	struct draining dr = { .d = d, .first_pages_id = d->next_pages_id };
	uint64_t start = clock_us();
	struct task *t;
	int r;

	d->unfinished = mem_alloc((d->tree.nr + 1) * sizeof(*d->unfinished));
	progress_start(&d->s->progress, "memory written", 0);
	cow_kinship_find(&dr.kinship, &d->tree);
	dr.together = d->tree.nr / SHARES_WANTED + 1;
	if (dr.together > TOGETHER_MAX)
		dr.together = TOGETHER_MAX;
	r = parallel_for((d->tree.nr + dr.together - 1) / dr.together, some_drain, &dr);
	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++)
		cow_free(dr.cow[i]);
	cow_kinship_done(&dr.kinship);
	if (r >= 0)
		r = copy_unfinished(d, false);
	progress_end(&d->s->progress);
	places_done(d);
	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++)
		page_room_done(&dr.room[i]);
	if (r < 0)
		return r;
	d->next_pages_id += (uint32_t)d->tree.nr;
	tasks_for_each(t, &d->tree)
		d->s->stats.pages_scanned += t->mm ? pages_of(t->mm) : 0;
	d->s->stats.memdump_us = clock_us() - start;
	log_info("wrote %llu pages, %llu are in the parent",
		 (unsigned long long)d->s->stats.pages_written,
		 (unsigned long long)d->s->stats.pages_in_parent);
	return 0;
}
