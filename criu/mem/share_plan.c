// SPDX-License-Identifier: GPL-2.0-only
/*
 * From "this page is that of pid 43" (pagemap_entry.same_as) to what crtool prepares before the
 * first fork. Nothing is touched here.
 *
 * A reference may lead to another one. At its end is the holder, who has the page in its own
 * image. Mappings that have a page in common, directly or through others, make a segment. At each
 * address a segment has one page: where two groups of tasks share two different ones, the second
 * group gets copies. So do mappings that cannot come from one segment, because their flags
 * differ.
 *
 * Mappings that a task has as its parent has them, without a common page, make a segment too, if
 * most tasks of the tree have it: it is mapped once, and comes by fork.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/mem/fill.h"
#include "criu/mem/pagemap.h"
#include "criu/mem/share.h"

#define POOL_MAX  (1ull << 44)
#define EMPTY_NR  1024 /* crtool has mappings of its own, and may have so many: vm.max_map_count */
#define EMPTY_MAX (64ull << 20) /* of what is accounted to each that has it */
#define TAIL_MAX  (1ull << 20) /* without pages, that a segment may end with */

/* A reference that was followed to its end: within one mapping of either task. */
struct piece {
	uint64_t addr, len, off;
	struct page_file file; /* that has it, from off on */
	const struct task *holder;
	uint32_t task, vma; /* index in the tree, in its mappings */
	uint32_t node; /* of the mapping; 0: the page is copied */
	uint32_t segment;
};

/* A mapping that has a page in common with another one. */
struct node {
	uint32_t up; /* towards the one that stands for all */
	uint32_t task, vma;
	uint32_t segment; /* 1 + its index; 0: none */
	bool apart; /* it is made in the usual way all the same */
};

struct sharing {
	struct restore *r;
	struct share_pool *pool;
	struct piece *pieces; /* by task, then by address */
	size_t nr_pieces, cap_pieces;
	size_t *first_piece; /* of each task, and one behind */
	struct node *nodes; /* from 1 on */
	size_t nr_nodes, cap_nodes;
	uint32_t **node_of; /* by task, by mapping; NULL: none */
	struct map index; /* tasks that are done: 1 + index, by pid */
};

static const struct piece *piece_at(const struct sharing *s, uint32_t task, uint64_t addr)
{
	size_t lo = s->first_piece[task], end = s->first_piece[task + 1], hi = end;

	while (s->pieces && lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->pieces[mid].addr + s->pieces[mid].len <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return s->pieces && lo < end && s->pieces[lo].addr <= addr ? &s->pieces[lo] : NULL;
}

/* --- references -------------------------------------------------------------------- */

static bool same_file(struct page_file a, struct page_file b)
{
	return a.level == b.level && a.pages_id == b.pages_id;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* From where on the holder has the page at addr, and how far. */
static bool find_holder(const struct sharing *s, uint32_t whose, uint64_t addr, struct piece *ret)
{
	const struct task *t = s->r->tree.tasks[whose];
	const struct page_run *run = page_run_find(t->restore, addr);
	const struct piece *p;

	if (run) {
		ret->holder = t;
		ret->file = t->restore->sources[run->source];
		ret->off = run->off + (addr - run->addr);
		ret->len = run->addr + run->len - addr;
		return true;
	}
	p = piece_at(s, whose, addr);
	if (!p)
		return false;
	ret->holder = p->holder;
	ret->file = p->file;
	ret->off = p->off + (addr - p->addr);
	ret->len = p->addr + p->len - addr;
	return true;
}

static int reference_follow(struct sharing *s, uint32_t task, const struct page_same *same)
{
	const MmEntry *mm = s->r->tree.tasks[task]->restore->mm;
	uintptr_t whose = (uintptr_t)map_get(&s->index, same->pid);
	uint64_t at = same->addr, end = same->addr + same->len;

	while (at < end) {
		struct piece found = { .addr = at,
				       .task = task,
				       .vma = (uint32_t)vma_find(mm, at) },
			     *p;
		const MmEntry *other;

		if (!whose || !find_holder(s, (uint32_t)whose - 1, at, &found))
			return fail_plain("pagemap: page %#llx is that of pid %u, who has none",
					  (unsigned long long)at, same->pid);
		other = found.holder->restore->mm;
		found.len = min_u64(found.len, end - at);
		found.len = min_u64(found.len, mm->vmas[found.vma]->end - at);
		found.len =
		    min_u64(found.len, other->vmas[(uint32_t)vma_find(other, at)]->end - at);
		p = array_push(s->pieces, s->nr_pieces, s->cap_pieces);
		*p = found;
		at += found.len;
	}
	return 0;
}

/* Those that a task refers to come before it. */
static int references_follow(struct sharing *s)
{
	const struct task *t;

	tasks_for_each(t, &s->r->tree) {
		const struct task_restore *tr = t->restore;
		int err = 0;

		s->first_piece[i_t] = s->nr_pieces;
		for (size_t i = 0; i < tr->nr_same && err >= 0; i++)
			err = reference_follow(s, (uint32_t)i_t, &tr->same[i]);
		if (err < 0)
			return task_fail_at(err, t);
		s->first_piece[i_t + 1] = s->nr_pieces;
		if (tr->mm)
			map_put(&s->index, (uint64_t)t->pid, (void *)(uintptr_t)(i_t + 1));
	}
	return 0;
}

/* --- segments ---------------------------------------------------------------------- */

static const VmaEntry *vma_of(const struct sharing *s, const struct node *n)
{
	return s->r->tree.tasks[n->task]->restore->mm->vmas[n->vma];
}

/* The file of it, open in crtool; -1: there is none. */
static int file_of(const struct restore *r, const VmaEntry *v)
{
	const struct file *f = vma_is_file(v) ? restore_find_file(r, (uint32_t)v->shmid) : NULL;

	return f ? f->mapped_fd : -1;
}

static bool can_move(const struct restore *r, const VmaEntry *v)
{
	return !(v->flags & MAP_HUGETLB) &&
	       !(v->status & (VMA_VDSO | VMA_VVAR | VMA_VSYSCALL | VMA_AIORING)) &&
	       (!vma_is_file(v) || file_of(r, v) >= 0);
}

static bool are_compatible(const struct restore *r, const VmaEntry *a, const VmaEntry *b)
{
	const uint32_t flags = ~(uint32_t)MAP_LOCKED;

	if ((a->status ^ b->status) & ~(uint32_t)VMA_HEAP || (a->flags ^ b->flags) & flags)
		return false;
	if (vma_is_file(a) && (a->shmid != b->shmid || a->fdflags != b->fdflags ||
			       a->pgoff - a->start != b->pgoff - b->start))
		return false;
	return can_move(r, a) && can_move(r, b);
}

static uint32_t node_find(struct sharing *s, uint32_t n)
{
	while (s->nodes[n].up != n) {
		s->nodes[n].up = s->nodes[s->nodes[n].up].up;
		n = s->nodes[n].up;
	}
	return n;
}

static uint32_t node_of(struct sharing *s, uint32_t task, uint32_t vma)
{
	const struct task_restore *tr = s->r->tree.tasks[task]->restore;
	uint32_t *n;

	if (!s->node_of[task])
		s->node_of[task] = mem_alloc(tr->mm->n_vmas * sizeof(uint32_t));
	n = &s->node_of[task][vma];
	if (!*n) {
		struct node *new = array_push(s->nodes, s->nr_nodes, s->cap_nodes);

		*n = (uint32_t)(s->nr_nodes - 1);
		*new = (struct node){ .up = *n, .task = task, .vma = vma };
	}
	return *n;
}

static void nodes_join(struct sharing *s, uint32_t a, uint32_t b)
{
	a = node_find(s, a);
	b = node_find(s, b);
	if (a < b)
		s->nodes[b].up = a;
	else
		s->nodes[a].up = b;
}

static void piece_join(struct sharing *s, struct piece *p)
{
	const struct task_restore *tr = s->r->tree.tasks[p->task]->restore;
	const struct task_restore *holder = p->holder->restore;
	uintptr_t whose = (uintptr_t)map_get(&s->index, (uint64_t)p->holder->pid);
	uint32_t vma = (uint32_t)vma_find(holder->mm, p->addr);

	if (!are_compatible(s->r, tr->mm->vmas[p->vma], holder->mm->vmas[vma]))
		return;
	p->node = node_of(s, p->task, p->vma);
	nodes_join(s, p->node, node_of(s, (uint32_t)whose - 1, vma));
}

/* Would it be the same, had it come from the parent? */
static bool is_inherited(const struct restore *r, const VmaEntry *v, const VmaEntry *up)
{
	return v->start == up->start && v->end == up->end && v->prot == up->prot &&
	       (v->flags & MAP_TYPE) == MAP_PRIVATE && !v->uring && !v->userfault &&
	       (!(v->prot & PROT_WRITE) || v->end - v->start <= EMPTY_MAX) &&
	       are_compatible(r, v, up);
}

static void mappings_join(struct sharing *s, uint32_t task, uint32_t up)
{
	const MmEntry *mm = s->r->tree.tasks[task]->restore->mm;
	const MmEntry *theirs = s->r->tree.tasks[up]->restore->mm;

	for (uint32_t i = 0, k = 0; i < mm->n_vmas && k < theirs->n_vmas; i++) {
		while (k < theirs->n_vmas && theirs->vmas[k]->start < mm->vmas[i]->start)
			k++;
		if (k < theirs->n_vmas && is_inherited(s->r, mm->vmas[i], theirs->vmas[k]))
			nodes_join(s, node_of(s, task, i), node_of(s, up, k));
	}
}

static void inherited_join(struct sharing *s)
{
	struct task *t;

	tasks_for_each(t, &s->r->tree) {
		uintptr_t up =
		    t->parent ? (uintptr_t)map_get(&s->index, (uint64_t)t->parent->pid) : 0;

		if (t->restore->mm && up)
			mappings_join(s, (uint32_t)i_t, (uint32_t)up - 1);
	}
}

/* Of two neighbours that are alike, and from one segment, the kernel would make one mapping. */
static bool would_merge(struct sharing *s, uint32_t n)
{
	const struct node *node = &s->nodes[n];
	uint32_t before = node->vma ? s->node_of[node->task][node->vma - 1] : 0;

	return before && node_find(s, before) == node_find(s, n) && !s->nodes[before].apart &&
	       vma_alike(vma_of(s, &s->nodes[before]), vma_of(s, node));
}

static void segment_extend(struct sharing *s, uint32_t n)
{
	struct node *top = &s->nodes[node_find(s, n)];
	const VmaEntry *v = vma_of(s, &s->nodes[n]);
	const MmEntry *mm = s->r->tree.tasks[s->nodes[n].task]->restore->mm;
	struct share_pool *pool = s->pool;
	struct share_segment *g;

	if (!top->segment) {
		g = array_push(pool->segments, pool->nr_segments, pool->cap_segments);
		g->start = UINT64_MAX;
		g->last = v->end;
		g->like = v;
		g->takes_huge = g->one_prot = g->one_start = g->one_end = true;
		top->segment = (uint32_t)pool->nr_segments;
	}
	g = &pool->segments[top->segment - 1];
	g->nr_users++;
	g->takes_huge = g->takes_huge && fill_takes_huge(mm, v);
	g->one_prot = g->one_prot && v->prot == g->like->prot;
	g->one_start = g->one_start && v->start == g->like->start;
	g->one_end = g->one_end && v->end == g->last;
	if (v->end > g->last)
		g->last = v->end;
	if (v->start < g->start) {
		g->start = v->start;
		g->like = v;
	}
}

static void segments_find(struct sharing *s)
{
	for (uint32_t n = 1; n < s->nr_nodes; n++) {
		s->nodes[n].apart = would_merge(s, n);
		if (!s->nodes[n].apart)
			segment_extend(s, n);
	}
}

/* --- what is in them --------------------------------------------------------------- */

static int by_segment(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (x->task > y->task) - (x->task < y->task);
}

/* Who comes first, by address, has its page there. */
static void part_add(struct share_pool *pool, const struct piece *p)
{
	struct share_segment *g = &pool->segments[p->segment - 1];
	uint64_t from = p->addr, end = p->addr + p->len;
	struct share_part *last = g->nr_parts ? &pool->parts[pool->nr_parts - 1] : NULL;

	if (!last)
		g->first_part = pool->nr_parts;
	else if (last->addr + last->len > from)
		from = last->addr + last->len;
	if (from >= end)
		return;
	g->end = end;
	if (last && same_file(last->file, p->file) && last->addr + last->len == from &&
	    last->off + last->len == p->off + (from - p->addr)) {
		last->len += end - from;
		return;
	}
	*array_push(pool->parts, pool->nr_parts, pool->cap_parts) =
	    (struct share_part){ from, end - from, p->file, p->off + (from - p->addr) };
	g->nr_parts++;
}

static void parts_find(struct sharing *s)
{
	struct piece *sorted = mem_dup(s->pieces, s->nr_pieces * sizeof(*sorted));

	qsort(sorted, s->nr_pieces, sizeof(*sorted), by_segment);
	for (size_t i = 0; i < s->nr_pieces; i++)
		if (sorted[i].segment)
			part_add(s->pool, &sorted[i]);
	free(sorted);
}

/* Everybody has a copy of it for a while, and who does not want it unmaps it. */
static void empty_keep(struct share_segment *g, size_t nr_tasks, size_t *nr)
{
	g->is_empty = *nr < EMPTY_NR && g->one_prot && g->one_start && g->one_end &&
		      g->nr_users * 2 > nr_tasks;
	*nr += g->is_empty;
	g->end = g->is_empty ? g->last : g->start;
}

/* One that is too far apart from end to end is given up: its pages are copied. */
static void segments_bound(struct share_pool *pool, size_t nr_tasks)
{
	uint64_t room = POOL_MAX;
	size_t nr_empty = 0;

	for (size_t i = 0; i < pool->nr_segments; i++) {
		struct share_segment *g = &pool->segments[i];

		if (!g->nr_parts) {
			empty_keep(g, nr_tasks, &nr_empty);
			continue;
		}
		if (g->end - g->start + TAIL_MAX > room) {
			g->nr_parts = 0;
			g->end = g->start;
		}
		/* Or each task would have to make it larger. */
		if (g->nr_parts && g->one_end && g->last - g->end <= TAIL_MAX)
			g->end = g->last;
		room -= g->end - g->start;
	}
}

/* --- what is left for the tasks ---------------------------------------------------- */

struct reading {
	struct sharing *s;
	struct task *task;
	struct share_task *share;
	struct page_run *runs;
	size_t nr, cap;
};

static uint32_t source_of(struct task_restore *tr, struct page_file file)
{
	for (uint32_t i = 0; i < tr->nr_sources; i++)
		if (same_file(tr->sources[i], file))
			return i;
	*array_push(tr->sources, tr->nr_sources, tr->cap_sources) = file;
	return (uint32_t)tr->nr_sources - 1;
}

static void range_read(struct reading *w, const struct piece *p)
{
	uint32_t source = source_of(w->task->restore, p->file);

	*array_push(w->runs, w->nr, w->cap) = (struct page_run){ p->addr, p->len, p->off, source };
}

static void range_keep(struct reading *w, uint64_t addr, uint64_t len)
{
	*array_push(w->share->kept, w->share->nr_kept, w->share->cap_kept) =
	    (struct share_span){ addr, len };
}

/* The first part of the segment that ends behind addr. */
static const struct share_part *part_from(const struct share_pool *pool,
					  const struct share_segment *g, uint64_t addr)
{
	size_t lo = g->first_part, end = lo + g->nr_parts, hi = end;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (pool->parts[mid].addr + pool->parts[mid].len <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < end ? &pool->parts[lo] : NULL;
}

/* Where it is what the segment has, it stays; else it is read. */
static void range_divide(struct reading *w, struct piece p, uint32_t segment)
{
	const struct share_pool *pool = w->s->pool;

	while (p.len) {
		const struct share_part *part =
		    segment ? part_from(pool, &pool->segments[segment - 1], p.addr) : NULL;
		struct piece some = p;

		if (part && part->addr <= p.addr) {
			some.len = min_u64(p.len, part->addr + part->len - p.addr);
			if (same_file(part->file, p.file) &&
			    part->off - part->addr == p.off - p.addr)
				range_keep(w, p.addr, some.len);
			else
				range_read(w, &some);
		} else {
			some.len = part ? min_u64(p.len, part->addr - p.addr) : p.len;
			range_read(w, &some);
		}
		p.addr += some.len;
		p.off += some.len;
		p.len -= some.len;
	}
}

static uint32_t segment_of(struct sharing *s, uint32_t task, uint32_t vma)
{
	uint32_t n = s->node_of[task] ? s->node_of[task][vma] : 0;

	return n && !s->nodes[n].apart ? s->nodes[node_find(s, n)].segment : 0;
}

static void own_divide(struct reading *w, uint32_t task)
{
	const struct task_restore *tr = w->task->restore;

	for (size_t i = 0; i < tr->nr_pages; i++) {
		struct piece p = { .addr = tr->pages[i].addr,
				   .off = tr->pages[i].off,
				   .file = tr->sources[tr->pages[i].source],
				   .holder = w->task };
		uint64_t end = p.addr + tr->pages[i].len;

		while (p.addr < end) {
			uint32_t vma = (uint32_t)vma_find(tr->mm, p.addr);

			p.len = min_u64(end, tr->mm->vmas[vma]->end) - p.addr;
			range_divide(w, p, segment_of(w->s, task, vma));
			p.addr += p.len;
			p.off += p.len;
		}
	}
}

static int by_addr(const void *a, const void *b)
{
	const struct page_run *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static int by_span(const void *a, const void *b)
{
	const struct share_span *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static void kept_merge(struct share_task *st)
{
	size_t to = 0;

	if (st->nr_kept)
		qsort(st->kept, st->nr_kept, sizeof(*st->kept), by_span);
	for (size_t i = 1; i < st->nr_kept; i++) {
		struct share_span *last = &st->kept[to];

		if (last->addr + last->len == st->kept[i].addr)
			last->len += st->kept[i].len;
		else
			st->kept[++to] = st->kept[i];
	}
	if (st->nr_kept)
		st->nr_kept = to + 1;
}

static bool comes_empty(struct sharing *s, uint32_t task, uint32_t vma)
{
	uint32_t segment = segment_of(s, task, vma);

	return segment && s->pool->segments[segment - 1].is_empty;
}

static void moves_find(struct reading *w, uint32_t task)
{
	const MmEntry *mm = w->task->restore->mm;
	struct share_task *st = w->share;
	size_t k = 0;

	for (uint32_t i = 0; i < mm->n_vmas; i++) {
		const VmaEntry *v = mm->vmas[i];

		while (k < st->nr_kept && st->kept[k].addr + st->kept[k].len <= v->start)
			k++;
		if ((k < st->nr_kept && st->kept[k].addr < v->end) || comes_empty(w->s, task, i))
			*array_push(st->moves, st->nr_moves, st->cap_moves) =
			    (struct share_move){ i, segment_of(w->s, task, i) - 1 };
	}
}

static void task_plan(struct sharing *s, uint32_t task)
{
	struct task *t = s->r->tree.tasks[task];
	struct reading w = { .s = s, .task = t };
	struct task_restore *tr = t->restore;

	if (!tr->mm || !s->pieces ||
	    (s->first_piece[task] == s->first_piece[task + 1] && !s->node_of[task]))
		return;
	w.share = arena_alloc(&s->r->kept, sizeof(*w.share));
	own_divide(&w, task);
	for (size_t i = s->first_piece[task]; i < s->first_piece[task + 1]; i++)
		range_divide(&w, s->pieces[i], s->pieces[i].segment);
	kept_merge(w.share);
	moves_find(&w, task);
	w.share->kept =
	    restore_keep(s->r, w.share->kept, w.share->nr_kept * sizeof(*w.share->kept));
	w.share->moves =
	    restore_keep(s->r, w.share->moves, w.share->nr_moves * sizeof(*w.share->moves));
	if (w.nr)
		qsort(w.runs, w.nr, sizeof(*w.runs), by_addr);
	free(tr->pages);
	tr->pages = w.runs;
	tr->nr_pages = w.nr;
	tr->share = w.share;
}

static void sharing_done(struct sharing *s)
{
	for (size_t i = 0; s->node_of && i < s->r->tree.nr; i++)
		free(s->node_of[i]);
	free(s->node_of);
	free(s->first_piece);
	free(s->pieces);
	free(s->nodes);
	map_done(&s->index);
}

static bool anybody_shares(const struct restore *r)
{
	for (size_t i = 0; i < r->tree.nr; i++)
		if (r->tree.tasks[i]->restore->nr_same)
			return true;
	return false;
}

int share_plan(struct restore *r)
{
	struct sharing s = { .r = r };
	int err;

	if (!anybody_shares(r))
		return 0;
	s.pool = r->share = mem_alloc(sizeof(*r->share));
	s.first_piece = mem_alloc((r->tree.nr + 1) * sizeof(*s.first_piece));
	s.node_of = mem_alloc(r->tree.nr * sizeof(*s.node_of));
	array_push(s.nodes, s.nr_nodes, s.cap_nodes);
	err = references_follow(&s);
	/* Below 4 GiB, where 32-bit tasks are, there is no room for segments. */
	for (size_t i = 0; i < s.nr_pieces && err >= 0 && !r->has_compat; i++)
		piece_join(&s, &s.pieces[i]);
	if (err >= 0) {
		if (!r->has_compat)
			inherited_join(&s);
		segments_find(&s);
		for (size_t i = 0; i < s.nr_pieces; i++)
			s.pieces[i].segment =
			    s.pieces[i].node ? segment_of(&s, s.pieces[i].task, s.pieces[i].vma)
					     : 0;
		parts_find(&s);
		segments_bound(s.pool, r->tree.nr);
		for (uint32_t i = 0; i < r->tree.nr; i++)
			task_plan(&s, i);
		log_debug("%zu segments of pages shared since a fork, %zu parts",
			  s.pool->nr_segments, s.pool->nr_parts);
	}
	sharing_done(&s);
	return err;
}
