// SPDX-License-Identifier: GPL-2.0-only
/*
 * One PAGEMAP_SCAN for the whole address space; but large anonymous mappings get one of their
 * own, that does not ask which pages are of files: none is, and the kernel has to look at each
 * page (struct page) to tell, not only at the page table, which takes three times as long.
 */
#include "criu/mem/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/kernel/feature.h"
#include "criu/mem/vma.h"

#define LARGE_BYTES   (16ull << 20)
/* A GiB of small pages takes 3 ms: several processors look at more than a quarter of it. */
#define SHARED_BYTES  (256ull << 20)
#define STRETCHES_MAX 16 /* of a mapping, which may be of TiB with nothing in it */
#define STRETCH_ALIGN (2ull << 20)

static bool is_large_anon(const struct proc_vma *v)
{
	uint32_t kind = vma_kind(v);

	return v->end - v->start >= LARGE_BYTES && kind & VMA_ANON_PRIVATE &&
	       !(kind & (VMA_VDSO | VMA_VVAR | VMA_VSYSCALL));
}

static int scan_range(int fd, struct pagemap_query q, uint64_t start, uint64_t end,
		      uint64_t inverted, struct pagemap_regions *ret)
{
	if (start >= end)
		return 0;
	q.start = start;
	q.end = end;
	q.inverted |= inverted;
	q.all_of |= q.inverted;
	return pagemap_collect(fd, &q, ret);
}

/* Before Linux 6.15 they look like swapped pages. */
static uint64_t tells_guards(void)
{
	return feature_has(FEATURE_PAGEMAP_SCAN_GUARD_PAGES) > 0 ? PAGE_IS_GUARD : 0;
}

/* Without PAGEMAP_SCAN (Linux 6.7) each page of a range is read, mapped or not: of a whole address
 * space that would take hours. */
static int scan_mappings(int fd, const struct task *t, const struct pagemap_query *q,
			 struct pagemap_regions *ret)
{
	for (size_t i = 0; i < t->vmas.nr; i++) {
		const struct proc_vma *v = &t->vmas.v[i];
		int r =
		    v->special == PROC_VMA_VSYSCALL
			? 0
			: scan_range(fd, *q, v->start, v->end, PAGE_IS_FILE | PAGE_IS_PFNZERO, ret);

		if (r < 0)
			return fail(-r, "pages %llx-%llx", (unsigned long long)v->start,
				    (unsigned long long)v->end);
	}
	return 0;
}

/* --- stretches: what one processor looks at, and what it finds ------------------------ */

struct stretch {
	uint64_t start, end, inverted;
	const struct proc_vma *registered; /* with a userfaultfd of the task: its mapping; NULL */
	struct pagemap_regions found;
};

struct scanning {
	struct pagemap_query query;
	int fd;
	bool runs; /* it may end, and then has no pages */
	struct stretch *v;
	size_t nr, cap;
};

static void stretch_add(struct scanning *s, uint64_t start, uint64_t end, uint64_t inverted)
{
	if (start < end)
		*array_push(s->v, s->nr, s->cap) =
		    (struct stretch){ .start = start, .end = end, .inverted = inverted };
}

static void mapping_add(struct scanning *s, const struct proc_vma *v, bool split, uint64_t inverted)
{
	uint64_t at = v->start, step = v->end - v->start;

	if (split && step >= LARGE_BYTES * STRETCHES_MAX)
		step = (step / STRETCHES_MAX + STRETCH_ALIGN - 1) & ~(STRETCH_ALIGN - 1);
	for (; v->end - at > step; at += step)
		stretch_add(s, at, at + step, inverted);
	stretch_add(s, at, v->end, inverted);
}

static void stretches_make(struct scanning *s, const struct task *t, bool split)
{
	uint64_t at = 0;

	for (size_t i = 0; i < t->vmas.nr; i++) {
		const struct proc_vma *v = &t->vmas.v[i];

		if (!v->userfault_kept && !is_large_anon(v))
			continue;
		stretch_add(s, at, v->start, PAGE_IS_FILE | PAGE_IS_PFNZERO);
		if (v->userfault_kept)
			*array_push(s->v, s->nr, s->cap) = (struct stretch){ .registered = v };
		else
			mapping_add(s, v, split, PAGE_IS_PFNZERO);
		at = v->end;
	}
	stretch_add(s, at, TASK_END, PAGE_IS_FILE | PAGE_IS_PFNZERO);
}

/* --- what has marks (mem/dirty.c), quickly ---------------------------------------------
 *
 * Asked for nothing but PAGE_IS_WRITTEN, the kernel compares one bit of an entry and goes on, an
 * eighth of the time. It then names also entries without a page, so these ranges are looked at
 * again. All that is not named has its mark. Linux 6.18 also names what has no page table at all;
 * as nobody promises that, a page that is there has to be found for each table. */

#define TABLE_BYTES (2ull << 20) /* of memory, for which a page table stands */
#define WORTH_PAGES 160 /* so many pages are looked at while one range is asked for */

static bool may_be_quick(const struct pagemap_query *q, const struct stretch *x)
{
	const uint64_t marks = PAGE_IS_WPALLOWED | PAGE_IS_WRITTEN;

	return !(x->inverted & PAGE_IS_FILE) && (q->report & marks) == marks && !q->flags;
}

/* Is there a page? 0: no, 1: yes, 2: and it can have a mark. */
static int first_page(int fd, uint64_t start, uint64_t end)
{
	const struct pagemap_query q = {
		.start = start,
		.end = end,
		.any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.report = PAGE_IS_WPALLOWED,
		.max_pages = 1,
	};
	struct page_region found;
	uint64_t walk_end;
	int r = pagemap_scan(fd, &q, &found, 1, &walk_end);

	return r <= 0 ? r : found.categories & PAGE_IS_WPALLOWED ? 2 : 1;
}

static void marked_add(struct pagemap_regions *l, uint64_t start, uint64_t end)
{
	const uint64_t is = PAGE_IS_WPALLOWED | PAGE_IS_PRESENT;
	struct page_region *last = l->nr ? &l->v[l->nr - 1] : NULL;

	if (last && last->end == start && last->categories == is)
		last->end = end;
	else
		*array_push(l->v, l->nr, l->cap) =
		    (struct page_region){ .start = start, .end = end, .categories = is };
}

/* Nothing in it is named. */
static int marked_find(int fd, struct stretch *x, uint64_t start, uint64_t end)
{
	uint64_t to;

	for (uint64_t at = start; at < end; at = to) {
		bool beside; /* a page of the same table that was named */
		int there;

		to = (at + TABLE_BYTES) & ~(TABLE_BYTES - 1);
		to = to < end ? to : end;
		beside = (at == start && start != x->start && start % TABLE_BYTES) ||
			 (to == end && end != x->end && end % TABLE_BYTES);
		there = beside ? 1 : first_page(fd, at, to);
		if (there < 0)
			return there;
		if (there)
			marked_add(&x->found, at, to);
	}
	return 0;
}

static int quick_walk(const struct scanning *s, struct stretch *x,
		      const struct pagemap_regions *named)
{
	uint64_t at = x->start;
	int r = 0;

	for (size_t i = 0; i < named->nr && r >= 0; i++) {
		const struct page_region *n = &named->v[i];

		r = marked_find(s->fd, x, at, n->start);
		if (r >= 0)
			r = scan_range(s->fd, s->query, n->start, n->end, x->inverted, &x->found);
		at = n->end;
	}
	return r < 0 ? r : marked_find(s->fd, x, at, x->end);
}

/* 0: nothing is known then. */
static int quick_scan(const struct scanning *s, struct stretch *x)
{
	const struct pagemap_query q = {
		.start = x->start,
		.end = x->end,
		.all_of = PAGE_IS_WRITTEN,
		.report = PAGE_IS_WRITTEN,
	};
	struct pagemap_regions named = { 0 };
	int r = first_page(s->fd, x->start, x->end);

	if (r != 2)
		return 0;
	r = pagemap_collect(s->fd, &q, &named);
	if (r >= 0)
		r = named.nr < (x->end - x->start) / PAGE_BYTES / WORTH_PAGES
			? quick_walk(s, x, &named)
			: 1;
	pagemap_regions_done(&named);
	return r < 0 ? r : !r;
}

#define MARKER_TYPE 31 /* of a swap entry: include/linux/swap.h, SWP_PTE_MARKER */
#define SWAP_TYPE   31 /* the bits of it in an entry of pagemap */

/* What looks like a swapped page may be a mark on one that was never there. */
static int swapped_add(int fd, const struct page_region *region, struct pagemap_regions *ret)
{
	uint64_t at = region->start, entry;

	for (; at < region->end; at += PAGE_BYTES) {
		struct page_region *last = ret->nr ? &ret->v[ret->nr - 1] : NULL;

		if (pread(fd, &entry, sizeof(entry), (off_t)(at / PAGE_BYTES * sizeof(entry))) !=
		    sizeof(entry))
			return -EIO;
		if ((entry & SWAP_TYPE) == MARKER_TYPE)
			continue;
		if (last && last->end == at && last->categories == region->categories)
			last->end += PAGE_BYTES;
		else
			*array_push(ret->v, ret->nr, ret->cap) =
			    (struct page_region){ at, at + PAGE_BYTES, region->categories };
	}
	return 0;
}

/* What a userfaultfd of the task has registered: zeros that are there differ from nothing. */
static int scan_registered(int fd, struct pagemap_query q, const struct proc_vma *v,
			   struct pagemap_regions *ret)
{
	bool whole_file = !(vma_kind(v) & VMA_ANON_PRIVATE);
	struct pagemap_regions all = { 0 };
	int r;

	q.report |= PAGE_IS_PRESENT | PAGE_IS_SWAPPED;
	r = scan_range(fd, q, v->start, v->end, whole_file ? PAGE_IS_FILE : 0, &all);
	for (size_t i = 0; i < all.nr && r >= 0; i++)
		if (all.v[i].categories & (PAGE_IS_PRESENT | PAGE_IS_GUARD))
			*array_push(ret->v, ret->nr, ret->cap) = all.v[i];
		else
			r = swapped_add(fd, &all.v[i], ret);
	pagemap_regions_done(&all);
	return r;
}

static int stretch_scan(void *ctx, size_t i, unsigned int worker)
{
	struct scanning *s = ctx;
	struct stretch *x = &s->v[i];
	int r = !x->registered && may_be_quick(&s->query, x) ? quick_scan(s, x) : 0;

	(void)worker;
	/* Marks in what the task has registered are not ours to set. */
	if (x->registered)
		r = s->query.flags ? 0 : scan_registered(s->fd, s->query, x->registered, &x->found);
	else if (!r)
		r = scan_range(s->fd, s->query, x->start, x->end, x->inverted, &x->found);
	pagemap_regions_trim(&x->found);
	if (r == -ESRCH && s->runs)
		return 0;
	return r < 0 ? fail_plain("%s", strerror(-r)) : 0;
}

static int one_by_one(struct scanning *s)
{
	int r = 0;

	for (size_t i = 0; i < s->nr && r >= 0; i++)
		r = stretch_scan(s, i, 0);
	return r;
}

static bool is_for_many(const struct task *t)
{
	return t->stat.rss_pages * PAGE_BYTES >= SHARED_BYTES;
}

/* All that are in the list. */
static int stretches_look(struct scanning *s, bool share, struct pagemap_regions *ret)
{
	int r = share ? parallel_large(s->nr, stretch_scan, s) : one_by_one(s);

	for (size_t i = 0; i < s->nr; i++) {
		if (r >= 0)
			pagemap_regions_append(ret, &s->v[i].found);
		pagemap_regions_done(&s->v[i].found);
	}
	free(s->v);
	return r;
}

static int scan_stretches(struct scanning *s, const struct task *t, struct pagemap_regions *ret)
{
	stretches_make(s, t, is_for_many(t));
	return stretches_look(s, is_for_many(t), ret);
}

#define PATH_ROOM 32

static int pagemap_open(const struct task *t, char path[PATH_ROOM])
{
	int fd;

	snprintf(path, PATH_ROOM, "/proc/%d/pagemap", (int)task_tid(t));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? fail(errno, "open %s", path) : fd;
}

static int scan_by(int fd, const struct task *t, const struct pagemap_query *q, bool runs,
		   struct pagemap_regions *ret)
{
	struct scanning s = { .query = *q, .fd = fd, .runs = runs };
	int r = feature_has(FEATURE_PAGEMAP_SCAN) > 0 ? scan_stretches(&s, t, ret)
						      : scan_mappings(fd, t, q, ret);

	return fail_at(r, "scan /proc/%d/pagemap", (int)task_tid(t));
}

static int scan(const struct task *t, const struct pagemap_query *q, struct pagemap_regions *ret)
{
	char path[PATH_ROOM];
	cleanup_close int fd = pagemap_open(t, path);

	return fd < 0 ? fd : scan_by(fd, t, q, false, ret);
}

int scan_protected(const struct task *t, uint64_t start, uint64_t end, struct pagemap_regions *ret)
{
	struct pagemap_query q = {
		.start = start,
		.end = end,
		.any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.inverted = PAGE_IS_WRITTEN | tells_guards(),
	};
	char path[PATH_ROOM];
	cleanup_close int fd = pagemap_open(t, path);
	int r;

	q.all_of = q.inverted;
	if (fd < 0)
		return fd;
	r = pagemap_collect(fd, &q, ret);
	return r < 0 ? fail(-r, "scan %s", path) : 0;
}

static struct pagemap_query own_pages(uint64_t report)
{
	return (struct pagemap_query){
		.any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.report = report | tells_guards(),
	};
}

int scan_open(const struct task *t)
{
	char path[PATH_ROOM];

	return pagemap_open(t, path);
}

int scan_own_pages(int fd, const struct task *t, uint64_t report, struct pagemap_regions *ret)
{
	struct pagemap_query q = own_pages(report);

	return scan_by(fd, t, &q, false, ret);
}

int scan_running(int fd, const struct task *t, uint64_t report, struct pagemap_regions *ret)
{
	struct pagemap_query q = own_pages(report);

	return scan_by(fd, t, &q, true, ret);
}

static bool has_mark(const struct page_region *x)
{
	return x->categories & PAGE_IS_WPALLOWED && !(x->categories & PAGE_IS_WRITTEN);
}

/* A range of pages without a mark: where it ends, or the end of the list. */
static size_t unmarked_run(const struct pagemap_regions *l, size_t i)
{
	while (++i < l->nr && l->v[i].start == l->v[i - 1].end && !has_mark(&l->v[i]))
		;
	return i;
}

/* Few are to be marked: they are named one by one. */
static bool few_unmarked(const struct task *t, const struct pagemap_regions *l)
{
	size_t runs = 0;

	for (size_t i = 0; i < l->nr;) {
		bool marked = has_mark(&l->v[i]);

		runs += !marked;
		i = marked ? i + 1 : unmarked_run(l, i);
	}
	return runs < t->stat.rss_pages / WORTH_PAGES;
}

static int protect_runs(const struct task *t, const struct pagemap_query *q,
			const struct pagemap_regions *l)
{
	char path[PATH_ROOM];
	cleanup_close int fd = pagemap_open(t, path);
	struct pagemap_regions found = { 0 };
	int r = fd < 0 ? fd : 0;
	size_t end;

	for (size_t i = 0; i < l->nr && r >= 0; i = end) {
		end = i + 1;
		if (has_mark(&l->v[i]))
			continue;
		end = unmarked_run(l, i);
		found.nr = 0;
		r = scan_range(fd, *q, l->v[i].start, l->v[end - 1].end, PAGE_IS_PFNZERO, &found);
		if (r < 0)
			r = fail(-r, "write-protect pages by %s", path);
	}
	pagemap_regions_done(&found);
	return r;
}

static bool has_registered(const struct task *t)
{
	for (size_t i = 0; i < t->vmas.nr; i++)
		if (t->vmas.v[i].userfault_kept)
			return true;
	return false;
}

/* To set the marks that are not set. */
static struct pagemap_query marks_set(void)
{
	return (struct pagemap_query){
		.all_of = PAGE_IS_WPALLOWED | PAGE_IS_WRITTEN,
		.any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.inverted = tells_guards(),
		.flags = PM_SCAN_WP_MATCHING,
	};
}

int scan_running_and_protect(int fd, const struct task *t, struct pagemap_regions *ret)
{
	struct scanning s = { .query = marks_set(), .fd = fd, .runs = true };

	for (size_t i = 0; i < t->vmas.nr; i++) {
		const struct proc_vma *v = &t->vmas.v[i];

		mapping_add(&s, v, is_for_many(t) && is_large_anon(v),
			    PAGE_IS_PFNZERO | (is_large_anon(v) ? 0 : PAGE_IS_FILE));
	}
	return fail_at(stretches_look(&s, is_for_many(t), ret),
		       "write-protect pages by /proc/%d/pagemap", (int)t->pid);
}

int scan_and_protect(const struct task *t, const struct pagemap_regions *known)
{
	struct pagemap_query q = marks_set();
	struct pagemap_regions regions = { 0 };
	int r;

	if (known && !has_registered(t) && few_unmarked(t, known))
		return protect_runs(t, &q, known);
	r = scan(t, &q, &regions);
	pagemap_regions_done(&regions);
	return r;
}
