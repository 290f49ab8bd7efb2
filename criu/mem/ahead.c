// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last dump of a chain copies what has changed since the one before while the tree stands
 * still. Most of that can be copied before, if it is known afterwards what has changed since: the
 * kernel sets a mark again and tells in the same moment that it was missing (PM_SCAN_WP_MATCHING).
 * So there is one more dump between the two, of memory only and of tasks that run, in a directory
 * inside that of the dump, which names it as its parent:
 *
 *   set the marks     what had none is fresh
 *   wait              whoever was in a system call then may have memory pinned, which is written
 *                     to past its mark (task/calls.c)
 *   look at the marks of fresh pages that still have theirs a copy is made; for all others with a
 *                     mark the list says that the parent has them. What has none any more is
 *                     written to a lot, and left to the dump
 *   copy              a page that still has its mark in the freeze has not changed since that was
 *                     set, so neither since it was copied
 *
 * In the freeze a page is left to the parent only if it has its mark, as between any two dumps, and
 * stands in that list. What may happen to mappings takes marks away, or the registration, and gives
 * none (dirty.c). Nothing is registered here: marks may be left in a mapping that was registered
 * once, whose pages have changed since; all that a mremap(2) merges is registered no more.
 *
 * When the first mark is set there must be nobody left who would tell of changes since the dump
 * before. So the keeper ends, and what it held is crtool's alone: if crtool ends, however it does,
 * the kernel takes off all marks, and the next dump is a full one.
 */
#include "criu/mem/ahead.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/image/dir.h"
#include "criu/kernel/proc.h"
#include "criu/mem/aio.h"
#include "criu/mem/dirty.h"
#include "criu/mem/drain.h"
#include "criu/mem/place.h"
#include "criu/mem/scan.h"
#include "criu/mem/uring.h"

#define LEAST_BYTES (1ull << 20)

/* --- lists ------------------------------------------------------------------------ */

static bool has_mark(const struct page_region *r)
{
	return r->categories & PAGE_IS_WPALLOWED && !(r->categories & PAGE_IS_WRITTEN);
}

static void region_add(struct pagemap_regions *l, uint64_t start, uint64_t end, uint64_t categories)
{
	struct page_region *last = l->nr ? &l->v[l->nr - 1] : NULL;

	if (last && last->end == start && last->categories == categories)
		last->end = end;
	else
		*array_push(l->v, l->nr, l->cap) = (struct page_region){ start, end, categories };
}

/* The first that ends behind addr; lists ascend, and so do those who ask. */
static size_t skip_to(const struct pagemap_regions *l, size_t i, uint64_t addr)
{
	while (i < l->nr && l->v[i].end <= addr)
		i++;
	return i;
}

/* Up to `end`, or to where a region of the list begins or ends. */
static uint64_t piece_end(const struct pagemap_regions *l, size_t i, uint64_t at, uint64_t end,
			  bool *ret_inside)
{
	uint64_t edge = end;

	*ret_inside = i < l->nr && l->v[i].start <= at;
	if (i < l->nr)
		edge = *ret_inside ? l->v[i].end : l->v[i].start;
	return edge < end ? edge : end;
}

void ahead_list(const struct proc_vmas *vmas, const struct pagemap_regions *now,
		const struct pagemap_regions *fresh, struct pagemap_regions *ret)
{
	size_t n = 0, f = 0;

	for (size_t i = 0; i < vmas->nr; i++) {
		const struct proc_vma *v = &vmas->v[i];

		n = skip_to(now, n, v->start);
		for (size_t j = n; j < now->nr && now->v[j].start < v->end; j++) {
			const struct page_region *r = &now->v[j];
			uint64_t at = r->start > v->start ? r->start : v->start, to;
			uint64_t end = r->end < v->end ? r->end : v->end;
			bool is_fresh;

			for (; has_mark(r) && at < end; at = to) {
				f = skip_to(fresh, f, at);
				to = piece_end(fresh, f, at, end, &is_fresh);
				region_add(ret, at, to,
					   r->categories | (is_fresh ? PAGE_IS_WRITTEN : 0));
			}
		}
	}
}

void ahead_confine(const struct pagemap_regions *covered, struct pagemap_regions *l)
{
	struct pagemap_regions all = { 0 };
	size_t c = 0;

	for (size_t i = 0; i < l->nr; i++) {
		const struct page_region *r = &l->v[i];
		uint64_t at = r->start, to;
		bool inside;

		for (; at < r->end; at = to) {
			c = skip_to(covered, c, at);
			to = piece_end(covered, c, at, r->end, &inside);
			inside = inside || !has_mark(r);
			region_add(&all, at, to, r->categories | (inside ? 0 : PAGE_IS_WRITTEN));
		}
	}
	pagemap_regions_done(l);
	*l = all;
}

/* --- does it pay? ------------------------------------------------------------------ */

static void changed_add(void *ctx, pid_t pid, uint64_t mark)
{
	uint64_t *sum = ctx;

	*sum += place_bytes_changed(pid, mark);
}

/* All of it may have to be written once more. */
static bool has_room(const struct dump *d, uint64_t bytes)
{
	struct statvfs st;

	return fstatvfs(image_dir_fd(d->s->images), &st) == 0 &&
	       st.f_bavail * st.f_frsize / 2 > bytes;
}

static bool pays(struct dump *d)
{
	uint64_t bytes = 0;

	if (d->s->opts->end != END_KILL || !dirty_known_by_marks(d))
		return false;
	dirty_known_each(d, changed_add, &bytes);
	return bytes >= LEAST_BYTES && has_room(d, bytes);
}

int ahead_open(struct ahead *x, struct dump *whole)
{
	int r;

	*x = (struct ahead){ .whole = whole, .s = *whole->s };
	x->s.images = NULL;
	x->s.stats = (struct stats){ 0 };
	x->d = (struct dump){
		.s = &x->s,
		.memory_only = true,
		.dirty = whole->dirty,
		.has_same_pages = whole->has_same_pages,
		.next_pages_id = 1,
	};
	if (!pays(whole))
		return 0;
	r = image_dir_create_ahead(whole->s->images, &x->s.images);
	if (r > 0)
		places_make(&x->d);
	return r;
}

/* --- marks ------------------------------------------------------------------------- */

/* What it has asked for may come at any time, past the page table. */
static bool has_requests(const struct proc_vmas *l)
{
	for (size_t i = 0; i < l->nr; i++)
		if (aio_is(&l->v[i]) || uring_vma_is(&l->v[i]))
			return true;
	return false;
}

struct watched {
	int pagemap; /* of its address space, whatever becomes of the task; -1 */
	struct pagemap_regions fresh; /* what had no mark before, and got one */
};

static int mark_one(void *ctx, size_t i, unsigned int worker)
{
	struct ahead *x = ctx;
	struct task *t = x->d.tree.tasks[i];
	struct watched *w = &x->watched[i];
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int proc = proc_open(t->pid);
	bool requests;

	(void)worker;
	w->pagemap = proc < 0 ? -1 : openat(proc, "pagemap", O_RDONLY | O_CLOEXEC);
	/* One that ends has no pages that anybody will ask for. */
	if (w->pagemap < 0 || proc_stat_read(proc, 0, &b, &t->stat) < 0 ||
	    proc_maps_read(proc, &b, &t->vmas) < 0)
		return 0;
	requests = has_requests(&t->vmas);
	dirty_keep_ours(t);
	if (requests || !t->vmas.nr)
		return 0;
	return task_fail_at(scan_running_and_protect(w->pagemap, t, &w->fresh), t);
}

int ahead_mark(struct ahead *x)
{
	dirty_leave(x->whole);
	dirty_tree(&x->d);
	x->watched = mem_alloc((x->d.tree.nr + 1) * sizeof(*x->watched));
	for (size_t i = 0; i < x->d.tree.nr; i++)
		x->watched[i].pagemap = -1;
	return parallel_for(x->d.tree.nr, mark_one, x);
}

/* --- pages -------------------------------------------------------------------------- */

/* Those that have their mark are listed; the rest is for the dump. */
static int list_one(void *ctx, size_t i, unsigned int worker)
{
	struct ahead *x = ctx;
	struct task *t = x->d.tree.tasks[i];
	struct pagemap_regions now = { 0 };
	const struct watched *w = &x->watched[i];
	int r = t->vmas.nr ? scan_running(w->pagemap, t, dirty_categories(t), &now) : 0;

	(void)worker;
	if (r >= 0)
		ahead_list(&t->vmas, &now, &w->fresh, &x->d.regions[i]);
	pagemap_regions_done(&now);
	return task_fail_at(r, t);
}

/* Nobody knows whether what was pinned has been written to since. */
static void forget_fresh(struct pagemap_regions *l)
{
	size_t to = 0;

	for (size_t i = 0; i < l->nr; i++)
		if (has_mark(&l->v[i]))
			l->v[to++] = l->v[i];
	l->nr = to;
}

/* For the copy: with whom they may share pages since a fork. */
static void kin_find(struct tree *tree)
{
	struct task *t;

	tree_index(tree);
	tasks_for_each(t, tree)
		t->parent = tree_find(tree, t->stat.ppid);
}

int ahead_write(struct ahead *x, bool sure)
{
	size_t nr = x->d.tree.nr;
	int r;

	x->d.regions = mem_alloc((nr + 1) * sizeof(*x->d.regions));
	r = parallel_for(nr, list_one, x);
	for (size_t i = 0; i < nr && r >= 0; i++) {
		if (!sure)
			forget_fresh(&x->d.regions[i]);
		dirty_cover(x->d.tree.tasks[i], &x->d.regions[i]);
	}
	if (r < 0)
		return r;
	kin_find(&x->d.tree);
	drain_outline(&x->d);
	return drain_tasks(&x->d);
}

int ahead_commit(struct ahead *x)
{
	int r = image_dir_commit(x->s.images);

	if (r < 0)
		return r;
	dirty_parent_is_ahead(x->whole);
	x->whole->s->stats.pages_written += x->s.stats.pages_written;
	log_info("%llu pages were copied ahead of the freeze",
		 (unsigned long long)x->s.stats.pages_written);
	return 0;
}

void ahead_done(struct ahead *x)
{
	for (size_t i = 0; i < x->d.tree.nr && x->watched; i++) {
		if (x->watched[i].pagemap >= 0)
			close(x->watched[i].pagemap);
		pagemap_regions_done(&x->watched[i].fresh);
	}
	free(x->watched);
	drain_done(&x->d);
	tree_done(&x->d.tree);
	proc_buf_done(&x->d.buf);
	arena_done(&x->d.arena);
	image_dir_free(x->s.images);
}
