// SPDX-License-Identifier: GPL-2.0-only
/* Pages that are shared since a fork: what waits for all, and what each task reads. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/mem/share.h"
#include "test/unit/test.h"

#define PAGE  PAGE_BYTES
#define AT    0x10000000ull
#define PAGES 8

/* 10 has 11 and 12; each has pages AT to AT + 8, in a mapping that may be larger. */
struct kin {
	struct restore r;
	struct task *t[3];
	VmaEntry vma[3], *vmas[3];
	MmEntry mm[3];
	struct task_restore tr[3];
	struct page_run runs[3][PAGES];
	struct page_same same[3][PAGES];
};

static void own(struct kin *k, size_t i, uint64_t page, uint64_t nr)
{
	struct task_restore *tr = &k->tr[i];
	uint64_t off = 0;

	for (size_t n = 0; n < tr->nr_pages; n++)
		off += tr->pages[n].len;
	tr->pages = mem_realloc(tr->pages, tr->nr_pages + 1, sizeof(*tr->pages));
	tr->pages[tr->nr_pages++] = (struct page_run){ AT + page * PAGE, nr * PAGE, off, 0 };
}

static void same(struct kin *k, size_t i, uint64_t page, uint64_t nr, uint32_t pid)
{
	k->same[i][k->tr[i].nr_same++] = (struct page_same){ AT + page * PAGE, nr * PAGE, pid };
	k->tr[i].same = k->same[i];
}

static void kin_make(struct kin *k)
{
	*k = (struct kin){ 0 };
	for (size_t i = 0; i < 3; i++) {
		struct task_restore *tr = &k->tr[i];

		k->t[i] = tree_add(&k->r.tree, (pid_t)(10 + i), i ? k->t[0] : NULL);
		k->t[i]->restore = tr;
		k->vma[i] = (VmaEntry)VMA_ENTRY__INIT;
		k->vma[i].start = AT;
		k->vma[i].end = AT + PAGES * PAGE;
		k->vma[i].prot = PROT_READ | PROT_WRITE;
		k->vma[i].flags = MAP_PRIVATE | MAP_ANONYMOUS;
		k->vma[i].status = VMA_REGULAR | VMA_ANON_PRIVATE;
		k->vmas[i] = &k->vma[i];
		k->mm[i] = (MmEntry)MM_ENTRY__INIT;
		k->mm[i].vmas = &k->vmas[i];
		k->mm[i].n_vmas = 1;
		tr->mm = &k->mm[i];
		*array_push(tr->sources, tr->nr_sources, tr->cap_sources) =
		    (struct page_file){ 0, (uint32_t)(100 + i) };
	}
	tree_index(&k->r.tree);
}

static void kin_done(struct kin *k)
{
	share_done(&k->r);
	for (size_t i = 0; i < 3; i++) {
		free(k->tr[i].pages);
		free(k->tr[i].sources);
		k->t[i]->restore = NULL;
	}
	tree_done(&k->r.tree);
	error_reset();
}

/* The first page that is kept and how many, as a number: 100 * first + nr; 0: not so many. */
static uint64_t kept(const struct kin *k, size_t i, size_t n)
{
	const struct share_task *st = k->tr[i].share;

	if (!st || n >= st->nr_kept)
		return 0;
	return (st->kept[n].addr - AT) / PAGE * 100 + st->kept[n].len / PAGE;
}

static uint64_t reads(const struct kin *k, size_t i, size_t n)
{
	const struct task_restore *tr = &k->tr[i];

	return n < tr->nr_pages ? (tr->pages[n].addr - AT) / PAGE * 100 + tr->pages[n].len / PAGE
				: 0;
}

TEST(share_nobody)
{
	struct kin k;

	kin_make(&k);
	own(&k, 0, 0, 8);
	CHECK_INT_EQ(share_plan(&k.r), 0);
	CHECK(!k.r.share);
	CHECK_INT_EQ(reads(&k, 0, 0), 8);
	kin_done(&k);
}

/* 11 has written to page 3; 12 refers to 11, whose pages are those of 10. */
TEST(share_follows_references)
{
	struct kin k;

	kin_make(&k);
	own(&k, 0, 0, 8);
	same(&k, 1, 0, 3, 10);
	own(&k, 1, 3, 1);
	same(&k, 1, 4, 4, 10);
	same(&k, 2, 2, 4, 11);
	CHECK_INT_EQ(share_plan(&k.r), 0);
	if (!CHECK(k.r.share))
		return;
	CHECK_INT_EQ(k.r.share->nr_segments, 1);
	/* Of page 3 the one of 10 is not wanted by anybody else. */
	CHECK_INT_EQ(kept(&k, 0, 0), 3);
	CHECK_INT_EQ(kept(&k, 0, 1), 404);
	CHECK_INT_EQ(reads(&k, 0, 0), 301);
	CHECK_INT_EQ(k.tr[0].pages[0].off, 3 * PAGE);
	/* So that of 11 has its place in the segment. */
	CHECK_INT_EQ(k.tr[1].nr_pages, 0);
	CHECK_INT_EQ(kept(&k, 1, 0), 8);
	CHECK_INT_EQ(kept(&k, 2, 0), 204);
	CHECK_INT_EQ(k.tr[2].nr_pages, 0);
	kin_done(&k);
}

/* Two pages at one address: who comes second copies, from the image of the other one. */
TEST(share_has_one_page_at_an_address)
{
	struct kin k;
	struct task *fourth;
	struct task_restore tr = { 0 };
	struct page_same refers = { AT, PAGE, 11 };

	kin_make(&k);
	own(&k, 0, 0, 2);
	own(&k, 1, 0, 1);
	same(&k, 1, 1, 1, 10);
	same(&k, 2, 0, 2, 10);
	fourth = tree_add(&k.r.tree, 13, k.t[0]);
	tr = (struct task_restore){ .mm = &k.mm[2], .same = &refers, .nr_same = 1 };
	*array_push(tr.sources, tr.nr_sources, tr.cap_sources) = (struct page_file){ 0, 103 };
	fourth->restore = &tr;
	CHECK_INT_EQ(share_plan(&k.r), 0);
	CHECK_INT_EQ(kept(&k, 0, 0), 2);
	CHECK_INT_EQ(kept(&k, 2, 0), 2);
	CHECK_INT_EQ(reads(&k, 1, 0), 1);
	CHECK_INT_EQ(kept(&k, 1, 0), 101);
	CHECK_INT_EQ(tr.nr_pages, 1);
	if (CHECK_INT_EQ(tr.nr_sources, 2))
		CHECK_INT_EQ(tr.sources[tr.pages[0].source].pages_id, 101);
	CHECK(!tr.share || !tr.share->nr_moves);
	share_done(&k.r);
	free(tr.pages);
	free(tr.sources);
	fourth->restore = NULL;
	kin_done(&k);
}

/* A mapping of another nature cannot be moved out of the segment of the first. */
TEST(share_copies_what_is_not_alike)
{
	struct kin k;

	kin_make(&k);
	k.vma[1].flags |= MAP_NORESERVE;
	own(&k, 0, 0, 4);
	same(&k, 1, 0, 4, 10);
	CHECK_INT_EQ(share_plan(&k.r), 0);
	CHECK_INT_EQ(reads(&k, 0, 0), 4);
	CHECK_INT_EQ(reads(&k, 1, 0), 4);
	if (CHECK_INT_EQ(k.tr[1].nr_sources, 2))
		CHECK_INT_EQ(k.tr[1].sources[k.tr[1].pages[0].source].pages_id, 100);
	kin_done(&k);
}

static void check_refused(size_t who, uint64_t page, uint32_t pid)
{
	struct kin k;

	kin_make(&k);
	own(&k, 0, 0, 4);
	same(&k, who, page, 2, pid);
	CHECK(share_plan(&k.r) < 0);
	CHECK_ERROR("who has none");
	kin_done(&k);
}

TEST(share_refuses_what_leads_nowhere)
{
	check_refused(1, 3, 10); /* the second page is not there */
	check_refused(1, 0, 77); /* nobody */
	check_refused(1, 0, 12); /* comes later */
	check_refused(2, 4, 12); /* itself */
}

/* Each has a second mapping, of which nobody has a page: 12 has another than its parent. */
static void second_mapping(struct kin *k, VmaEntry second[3], VmaEntry *two[3][2])
{
	for (size_t i = 0; i < 3; i++) {
		second[i] = k->vma[i];
		second[i].start += 16 * PAGE;
		second[i].end += (i == 2 ? 17 : 16) * PAGE;
		second[i].prot = PROT_READ;
		two[i][0] = &k->vma[i];
		two[i][1] = &second[i];
		k->mm[i].vmas = two[i];
		k->mm[i].n_vmas = 2;
	}
}

TEST(share_has_mappings_of_most)
{
	VmaEntry second[3], *two[3][2];
	struct kin k;

	kin_make(&k);
	second_mapping(&k, second, two);
	own(&k, 0, 0, 2);
	same(&k, 1, 0, 2, 10);
	CHECK_INT_EQ(share_plan(&k.r), 0);
	if (!CHECK(k.r.share) || !CHECK_INT_EQ(k.r.share->nr_segments, 2))
		return;
	CHECK(!k.r.share->segments[0].is_empty);
	CHECK(k.r.share->segments[1].is_empty);
	CHECK_INT_EQ(k.r.share->segments[1].start, AT + 16 * PAGE);
	CHECK_INT_EQ(k.r.share->segments[1].end, AT + 24 * PAGE);
	CHECK_INT_EQ(k.tr[0].share->nr_moves, 2);
	CHECK_INT_EQ(k.tr[1].share->nr_moves, 2);
	CHECK_INT_EQ(k.tr[1].share->moves[1].vma, 1);
	/* 12 has the first as its parent has it, but no page of it. */
	CHECK(!k.tr[2].share || !k.tr[2].share->nr_moves);
	kin_done(&k);
}

/* None of them is as the parent has it. */
TEST(share_has_no_mappings_of_few)
{
	VmaEntry second[3], *two[3][2];
	struct kin k;

	kin_make(&k);
	second_mapping(&k, second, two);
	second[1].prot = PROT_READ | PROT_WRITE;
	own(&k, 0, 0, 2);
	same(&k, 1, 0, 2, 10);
	CHECK_INT_EQ(share_plan(&k.r), 0);
	if (CHECK(k.r.share))
		CHECK_INT_EQ(k.r.share->nr_segments, 1);
	kin_done(&k);
}
