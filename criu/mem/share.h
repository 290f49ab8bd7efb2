// SPDX-License-Identifier: GPL-2.0-only
/* Pages that processes have in common since a fork: shared again after the restore. */
#pragma once
#include "criu/core/restore.h"
#include "criu/mem/vma.h"

/*
 * What several mappings have in common, where it is before the first fork. All of them are at the
 * same addresses.
 */
struct share_segment {
	uint64_t start, end; /* where it belongs */
	uint64_t at; /* where it is: there, or in the hole; 0: nowhere */
	uint64_t last; /* where the last of the mappings ends */
	const VmaEntry *like; /* one of the mappings */
	bool takes_huge; /* all of them do */
	bool one_prot, one_start, one_end; /* all of them have the same */
	int prot; /* that it has when tasks are forked */
	size_t first_part, nr_parts; /* what is in it, ascending */
	size_t nr_users; /* mappings */
	bool is_empty; /* nothing is in it, but most tasks have it; in its place, or nowhere */
};

struct share_part {
	uint64_t addr, len;
	struct page_file file; /* that has it, from off on */
	uint64_t off;
};

struct share_pool {
	struct share_segment *segments;
	size_t nr_segments, cap_segments;
	struct share_part *parts;
	size_t nr_parts, cap_parts;
	uint64_t at, len;
};

struct share_move {
	uint32_t vma, segment;
};

struct share_span {
	uint64_t addr, len;
};

/* Of one task. */
struct share_task {
	struct share_move *moves; /* ascending */
	size_t nr_moves, cap_moves;
	struct share_span *kept; /* what is to stay of all that is moved, ascending */
	size_t nr_kept, cap_kept;
};

/* After files that are mapped have been opened, before the hole is made: who shares what; what a
 * task reads by itself is what is left in its pages. Speaks. */
int share_plan(struct restore *r);
/* Gives the segments their places from at on: the end. */
uint64_t share_layout(struct restore *r, uint64_t at);
/* In crtool, when there is a hole: pages are read. Speaks. */
int share_make(struct restore *r);
/* In crtool, when all tasks are forked. */
void share_drop(struct restore *r);
void share_done(struct restore *r);

/* Does the mapping come from a segment? NULL: no. */
const struct share_segment *share_of(const struct restore *r, const struct task_restore *tr,
				     size_t vma);
size_t share_room(const struct restore *r, const struct task_restore *tr);
static inline bool share_is_in_place(const struct share_segment *g)
{
	return g->at && g->at == g->start;
}

/* What a task has in place before anything is moved, in ascending order: the next one from *move
 * on, which begins at 0; len 0: there is none. */
struct share_span share_left(const struct restore *r, const struct task_restore *tr, size_t *move);
/* Moves it to its place, if it is not there, with these rights. */
void share_move(struct program *p, const struct restore *r, const struct task_restore *tr,
		size_t vma, uint64_t prot);
