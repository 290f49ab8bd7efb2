// SPDX-License-Identifier: GPL-2.0-only
/* Pages that processes have in common since a fork: stored once. */
#pragma once
#include "criu/core/dump.h"
#include "criu/mem/pages.h"

/* Who may have pages in common with whom: by index in the tree. */
struct cow_kinship {
	struct cow_kin *v;
};

void cow_kinship_find(struct cow_kinship *k, const struct tree *tree);
void cow_kinship_done(struct cow_kinship *k);
/* It has been forked and has not executed anything since, or has a child of which that is true. */
bool cow_has_kin(const struct cow_kinship *k, size_t task);

/* Writes the pages of one task after the other: what it has read of kin is often that of the next,
 * too, as long as all stand still. One of these serves one thread of crtool. */
struct cow;

/* *c: NULL at first. pagemap: of the task, which is taken; -1: opened when it is wanted. False: the
 * task has no kin that comes before it, so all is its own. */
bool cow_begin(struct cow **c, const struct cow_kinship *k, const struct tree *tree, size_t task,
	       int *pagemap, struct page_out *o);
/* As page_out_range(), but pages that kin have, too, become references; the others are to be copied
 * gently (struct page_copy) if anybody else has any of them. Speaks. */
int cow_range(struct cow *c, uint64_t start, uint64_t end, uint32_t flags);
/* How many pages of the task are not stored. */
uint64_t cow_end(struct cow *c);
void cow_free(struct cow *c);
