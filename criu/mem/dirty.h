// SPDX-License-Identifier: GPL-2.0-only
/* Which pages were written since the dump before: see dirty.c. */
#pragma once
#include "compel/remote.h"
#include "criu/core/dump.h"
#include "criu/kernel/pagemap.h"
#include "images/inventory.pb-c.h"
#include "images/mm.pb-c.h"

/*
 * Before anybody stands still: the dump that is to be built upon is there, is one of this tree,
 * and has all that it says; who has looked after the tree since. Images are open.
 */
int dirty_prepare(struct dump *d);

/* Whose changes are known by now, as far as the keeper tells: marks are the PAGE_IS_* of a page
 * that was written to. */
void dirty_known_each(const struct dump *d, void (*fn)(void *ctx, pid_t pid, uint64_t mark),
		      void *ctx);

/* Frozen, and mappings are known: whose changes are known (task->dirty). Marks of ours are taken
 * off their flags, and mappings that only our marks keep apart are one again. */
int dirty_tasks(struct dump *d);

/* A visitor is to get what its changes are known by from now on. Speaks only to the log. */
/* This dump is to be built upon. */
bool dirty_tracks(const struct dump *d);
bool dirty_wants(const struct dump *d, const struct task *t);
void dirty_ask(struct dump *d, struct task *t, struct remote *r);

/* PAGE_IS_* that tell a clean page from another, to be reported by a scan. */
uint64_t dirty_categories(const struct task *t);
bool dirty_is_clean(const struct task *t, const VmaEntry *v, uint64_t categories);

/* Ahead of the freeze (mem/ahead.c). All changes are known, by marks that can be set again; nobody
 * is to know of them after this dump. */
bool dirty_known_by_marks(const struct dump *d);
/* Tasks whose changes are known, as far as they live. */
void dirty_tree(struct dump *d);
/* Leaves those of its mappings that may have marks of ours: none when others have some as well. */
void dirty_keep_ours(struct task *t);
/* Only what is listed can be left to the parent. */
void dirty_cover(struct task *t, const struct pagemap_regions *listed);
/* A dump of this very run is the parent now. From here on nothing else can be left to it. */
void dirty_parent_is_ahead(struct dump *d);
/* In the freeze: what was not listed counts as written. */
void dirty_confine(const struct task *t, struct pagemap_regions *l);

/* All have been scanned: from now on changes count anew. When this has begun, what was known
 * before is lost; only what dirty_stay() leaves can be built upon. */
int dirty_arm(struct dump *d);
/* For the inventory, in the arena. */
void dirty_inventory(struct dump *d, InventoryEntry *e);
/* The dump is complete. */
void dirty_stay(struct dump *d);
/* Nobody looks after the tree any more. */
void dirty_leave(struct dump *d);
void dirty_done(struct dump *d);
