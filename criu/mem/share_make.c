// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments are in crtool's memory, filled, when the first task is forked: from then on all have the
 * same pages. Most are where they belong, and a task leaves them there when it unmaps all the rest.
 * Where crtool has something of its own, a segment waits in the hole, and each task moves its part
 * (mremap(2) moves page tables, no contents). Then it gives back what it does not share, and reads
 * over that what it has for itself.
 *
 * A private mapping remembers where its first page came to it (vm_pgoff), and the kernel joins
 * two mappings only where that fits. So a segment begins its life as a single page at the place
 * where it belongs, also when it is moved from there into the hole.
 */
#include "criu/mem/share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/mem/pagemap.h"
#include "criu/mem/share_huge.h"

#define GAP        PAGE_BYTES /* so that neighbours stay apart */
#define SHARE_PROT (PROT_READ | PROT_WRITE)
#define STACK_ROOM (64ull << 20)

static void *ptr(uint64_t addr)
{
	return (void *)(uintptr_t)addr;
}

/* Huge pages can be moved as they are where both places are alike in this. */
static uint64_t segment_room(const struct share_segment *g)
{
	return g->nr_parts ? g->end - g->start + HUGE_BYTES + GAP : 0;
}

uint64_t share_layout(struct restore *r, uint64_t at)
{
	struct share_pool *pool = r->share;

	if (!pool)
		return at;
	pool->at = at;
	for (size_t i = 0; i < pool->nr_segments; i++)
		pool->len += segment_room(&pool->segments[i]);
	return at + pool->len;
}

/* --- crtool ------------------------------------------------------------------------ */

static int segment_flags(const VmaEntry *v)
{
	return (int)v->flags & ~(MAP_LOCKED | MAP_FIXED);
}

/* Below crtool's stack is room for it to grow. */
static bool is_near_stack(const struct share_segment *g)
{
	uint64_t sp = (uintptr_t)__builtin_frame_address(0);

	return g->start < sp && g->end + STACK_ROOM > sp;
}

/* See is_accounted() of program.c. */
static bool is_accounted(const struct share_segment *g)
{
	return !(g->like->flags & MAP_NORESERVE) && (!g->is_empty || g->prot & PROT_WRITE);
}

/* Once both have the rights that they are to have. */
static bool can_join(const struct share_segment *a, const struct share_segment *b)
{
	if (vma_is_file(a->like) != vma_is_file(b->like) || is_accounted(a) != is_accounted(b))
		return false;
	return !a->one_prot || !b->one_prot || a->prot == b->prot;
}

/* Two that touch could become one mapping, here or in a task. */
static bool has_neighbour(const struct share_pool *pool, const struct share_segment *g)
{
	for (const struct share_segment *o = pool->segments; o < g; o++)
		if (share_is_in_place(o) && (o->end == g->start || g->end == o->start) &&
		    can_join(o, g))
			return true;
	return false;
}

static int file_of(const struct restore *r, const VmaEntry *v)
{
	const struct file *f = vma_is_file(v) ? restore_find_file(r, (uint32_t)v->shmid) : NULL;

	return f ? f->mapped_fd : -1;
}

static bool map_in_place(const struct restore *r, struct share_segment *g, int prot)
{
	int fd = file_of(r, g->like);
	void *at = ptr(g->start);
	void *got;

	if (is_near_stack(g) || has_neighbour(r->share, g))
		return false;
	got = mmap(at, g->end - g->start, prot, segment_flags(g->like) | MAP_FIXED_NOREPLACE, fd,
		   fd < 0 ? 0 : (off_t)g->like->pgoff);
	if (got == at) {
		g->at = g->start;
		return true;
	}
	if (got != MAP_FAILED)
		munmap(got, g->end - g->start);
	return false;
}

/* A single page where the segment belongs; not when crtool itself has something there. */
static bool seed_move(const struct share_segment *g, uint64_t len)
{
	char *seed = mmap(ptr(g->start), PAGE_BYTES, SHARE_PROT,
			  segment_flags(g->like) | MAP_FIXED_NOREPLACE, -1, 0);
	void *to = ptr(g->at);

	if (seed == MAP_FAILED)
		return false;
	*seed = 0;
	if (seed != ptr(g->start) ||
	    mremap(seed, PAGE_BYTES, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to) {
		munmap(seed, PAGE_BYTES);
		return false;
	}
	return madvise(to, PAGE_BYTES, MADV_DONTNEED) == 0;
}

static int segment_map(const struct restore *r, struct share_segment *g)
{
	const VmaEntry *v = g->like;
	uint64_t len = g->end - g->start;
	int fd = file_of(r, v);

	if (map_in_place(r, g, SHARE_PROT) || (fd < 0 && seed_move(g, len)))
		return 0;
	if (mmap(ptr(g->at), len, SHARE_PROT, segment_flags(v) | MAP_FIXED, fd,
		 fd < 0 ? 0 : (off_t)v->pgoff) == MAP_FAILED)
		return fail(errno, "map %llu bytes for pages that tasks share",
			    (unsigned long long)len);
	return 0;
}

/* The last image stays open for the next part. */
struct source {
	struct page_file file;
	int fd;
};

static int source_open(struct restore *r, struct source *from, struct page_file file)
{
	if (from->fd >= 0 && from->file.level == file.level && from->file.pages_id == file.pages_id)
		return 0;
	if (from->fd >= 0)
		close(from->fd);
	from->file = file;
	from->fd = page_file_open(r->chain, &file);
	return from->fd < 0 ? from->fd : 0;
}

/* Huge pages that the kernel gives by itself would soon be more than there has been. */
static int small_read(int fd, uint64_t at, uint64_t len, uint64_t off)
{
	int was = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), err;

	if (!len)
		return 0;
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	err = io_pread(fd, ptr(at), len, (off_t)off);
	if (!was)
		prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	return err;
}

static int part_read(struct huge_reader *h, const struct share_segment *g,
		     const struct share_part *part, int fd)
{
	uint64_t at = g->at + (part->addr - g->start), end = at + part->len, done = 0;
	uint64_t from = (at + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1), to = end & ~(HUGE_BYTES - 1);
	int err;

	if (!g->takes_huge || from >= to)
		return small_read(fd, at, part->len, part->off);
	err = small_read(fd, at, from - at, part->off);
	if (err >= 0)
		err = huge_reader_read(h, fd, from, to - from, part->off + (from - at), &done);
	from += done;
	return err < 0 ? err : small_read(fd, from, end - from, part->off + (from - at));
}

static int parts_read(struct restore *r, struct huge_reader *h, const struct share_segment *g)
{
	struct source from = { .fd = -1 };
	int err = 0;

	for (size_t i = 0; i < g->nr_parts && err >= 0; i++) {
		const struct share_part *part = &r->share->parts[g->first_part + i];

		err = source_open(r, &from, part->file);
		if (err < 0)
			break;
		err = part_read(h, g, part, from.fd);
		if (err < 0)
			err = fail(-err, "read pages-%u.img", part->file.pages_id);
		r->s->stats.pages_restored += part->len / PAGE_BYTES;
		if (err >= 0)
			err = session_interrupted(r->s);
	}
	if (from.fd >= 0)
		close(from.fd);
	return err;
}

/* What lies between segments need not be kept free any more, and each task would have a mapping
 * of it: the kernel gives out addresses from above, and it will not come down as far as this. */
static void open_up(uint64_t from, uint64_t to)
{
	if (from < to)
		munmap(ptr(from), to - from);
}

/* Nobody has to change what is right from the start. */
static int segment_protect(struct share_segment *g)
{
	if (g->prot != SHARE_PROT && mprotect(ptr(g->at), g->end - g->start, g->prot) < 0)
		return fail(errno, "protect pages that tasks share");
	return 0;
}

/* Filled, with the rights that it is to have. */
static int segment_make(struct restore *r, struct huge_reader *h, struct share_segment *g)
{
	int err = segment_map(r, g);

	if (err >= 0)
		err = parts_read(r, h, g);
	return err < 0 ? err : segment_protect(g);
}

static int segments_make(struct restore *r, struct huge_reader *h)
{
	uint64_t at = r->share->at, room = at, done = at;

	for (size_t i = 0; i < r->share->nr_segments; i++) {
		struct share_segment *g = &r->share->segments[i];
		int err;

		g->prot = g->one_prot ? (int)g->like->prot : SHARE_PROT;
		if (g->is_empty)
			map_in_place(r, g, g->prot);
		if (!g->nr_parts)
			continue;
		g->at = room + ((g->start - room) & (HUGE_BYTES - 1));
		room += segment_room(g);
		err = segment_make(r, h, g);
		if (err < 0)
			return err;
		if (share_is_in_place(g))
			continue;
		open_up(done, g->at);
		done = g->at + (g->end - g->start);
	}
	open_up(done, at + r->share->len);
	return 0;
}

int share_make(struct restore *r)
{
	struct huge_reader h = { .is_off = false };
	int err;

	if (!r->share)
		return 0;
	r->share->at += r->hole;
	err = segments_make(r, &h);
	huge_reader_done(&h);
	return err;
}

static void placed_drop(struct share_pool *pool)
{
	for (size_t i = 0; i < pool->nr_segments; i++) {
		struct share_segment *g = &pool->segments[i];

		if (share_is_in_place(g))
			munmap(ptr(g->at), g->end - g->start);
		g->at = 0;
	}
}

/* The range stays reserved: all of the hole is unmapped at the end. */
void share_drop(struct restore *r)
{
	if (r->share)
		placed_drop(r->share);
	if (r->share && r->share->len)
		(void)mmap(ptr(r->share->at), r->share->len, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

void share_done(struct restore *r)
{
	for (size_t i = 0; i < r->tree.nr; i++) {
		struct task_restore *tr = r->tree.tasks[i]->restore;

		if (!tr || !tr->share)
			continue;
		keep_free(&r->keep, tr->share->moves);
		keep_free(&r->keep, tr->share->kept);
		tr->share = NULL;
	}
	if (r->share) {
		placed_drop(r->share);
		free(r->share->segments);
		free(r->share->parts);
	}
	free(r->share);
	r->share = NULL;
}

/* --- the task ---------------------------------------------------------------------- */

const struct share_segment *share_of(const struct restore *r, const struct task_restore *tr,
				     size_t vma)
{
	const struct share_segment *g;
	size_t lo = 0, hi = tr->share ? tr->share->nr_moves : 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (tr->share->moves[mid].vma < vma)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!tr->share || lo == tr->share->nr_moves || tr->share->moves[lo].vma != vma)
		return NULL;
	g = &r->share->segments[tr->share->moves[lo].segment];
	return g->at ? g : NULL;
}

static bool has_part(const struct restore *r, const struct share_segment *g, uint64_t from,
		     uint64_t to)
{
	const struct share_part *parts = &r->share->parts[g->first_part];
	size_t lo = 0, hi = g->nr_parts;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (parts[mid].addr + parts[mid].len <= from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < g->nr_parts && parts[lo].addr < to;
}

/* Of what has come with the move, all that is not shared goes. p: NULL to count only. */
static size_t drop_rest(struct program *p, const struct restore *r, const struct share_task *st,
			const struct share_segment *g, const VmaEntry *v)
{
	uint64_t at = v->start, end = v->end < g->end ? v->end : g->end;
	size_t k = 0, hi = st->nr_kept, nr = 0;

	while (k < hi) {
		size_t mid = (k + hi) / 2;

		if (st->kept[mid].addr + st->kept[mid].len <= at)
			k = mid + 1;
		else
			hi = mid;
	}
	for (; at < end; k++) {
		bool last = k == st->nr_kept || st->kept[k].addr >= end;
		uint64_t to = last ? end : st->kept[k].addr;

		if (at < to && has_part(r, g, at, to)) {
			nr++;
			if (p)
				PROGRAM_SYSCALL(p, OP_WHAT_ADVISE, SYS_madvise, at, to - at,
						MADV_DONTNEED);
		}
		at = last ? end : to + st->kept[k].len;
	}
	return nr;
}

size_t share_room(const struct restore *r, const struct task_restore *tr)
{
	size_t nr = 1;

	for (size_t i = 0; tr->share && i < tr->share->nr_moves; i++) {
		const struct share_move *m = &tr->share->moves[i];

		nr += 3 + drop_rest(NULL, r, tr->share, &r->share->segments[m->segment],
				    tr->mm->vmas[m->vma]);
	}
	return nr * sizeof(struct op);
}

struct share_span share_left(const struct restore *r, const struct task_restore *tr, size_t *move)
{
	while (tr->share && *move < tr->share->nr_moves) {
		const struct share_move *m = &tr->share->moves[(*move)++];
		const struct share_segment *g = &r->share->segments[m->segment];
		const VmaEntry *v = tr->mm->vmas[m->vma];

		if (share_is_in_place(g))
			return (struct share_span){ v->start, (v->end < g->end ? v->end : g->end) -
								  v->start };
	}
	return (struct share_span){ 0, 0 };
}

/* The mapping may reach further than what is shared: then it grows as it is moved. */
void share_move(struct program *p, const struct restore *r, const struct task_restore *tr,
		size_t vma, uint64_t prot)
{
	const struct share_segment *g = share_of(r, tr, vma);
	const VmaEntry *v = tr->mm->vmas[vma];
	uint64_t from = g->at + (v->start - g->start);
	uint64_t len = (v->end < g->end ? v->end : g->end) - v->start;
	struct op *op = NULL;

	if (prot != (uint64_t)g->prot)
		PROGRAM_SYSCALL(p, OP_WHAT_PROTECT, SYS_mprotect, from, len, prot);
	if (!share_is_in_place(g))
		op = PROGRAM_SYSCALL(p, OP_WHAT_SHMEM, SYS_mremap, from, len, v->end - v->start,
				     MREMAP_MAYMOVE | MREMAP_FIXED, v->start);
	else if (v->end - v->start > len)
		op = PROGRAM_SYSCALL(p, OP_WHAT_SHMEM, SYS_mremap, from, len, v->end - v->start, 0);
	if (op) {
		op->flags |= OP_EXPECT;
		op->expect = (int64_t)v->start;
	}
	drop_rest(p, r, tr->share, g, v);
}
