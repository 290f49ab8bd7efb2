// SPDX-License-Identifier: GPL-2.0-only
/* What has changed since the dump before is copied while the tree runs: see ahead.c. */
#pragma once
#include <stdbool.h>

#include "criu/core/dump.h"
#include "criu/kernel/pagemap.h"

struct watched;

/* Between the dump and the one that it builds upon, in a directory of its own. */
struct ahead {
	struct dump *whole; /* the dump that it is for */
	struct session s;
	struct dump d; /* memory only, of tasks that run */
	struct watched *watched; /* by task */
};

/* 1, or 0: it would not pay, or cannot be done. What has changed has its room then. Speaks. */
int ahead_open(struct ahead *x, struct dump *whole);
/* Marks are set. From here on, should the rest fail, the next dump is a full one. Speaks. */
int ahead_mark(struct ahead *x);
/* Pages and their lists. sure: whoever was in a system call when the marks were set has left it.
 * Speaks. */
int ahead_write(struct ahead *x, bool sure);
/* The inventory is written: the whole dump builds upon this one. Speaks. */
int ahead_commit(struct ahead *x);
void ahead_done(struct ahead *x);

/* now: pages that were looked at when all marks were set. What is in the list of mappings and has
 * its mark is appended: without one, where it is fresh. */
void ahead_list(const struct proc_vmas *vmas, const struct pagemap_regions *now,
		const struct pagemap_regions *fresh, struct pagemap_regions *ret);
/* What has a mark, but is not covered, is none that can be left to the parent. */
void ahead_confine(const struct pagemap_regions *covered, struct pagemap_regions *l);
