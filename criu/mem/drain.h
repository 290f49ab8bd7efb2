// SPDX-License-Identifier: GPL-2.0-only
/* Memory of stopped tasks into images: mm-N, pagemap-N, pages-N. */
#pragma once
#include "criu/core/dump.h"

/* task->mm: the fields and mappings of each task. Shared memory is written, mapped files
 * get their ids; what cannot be kept becomes a blocker. */
int mappings_dump(struct dump *d);

/* Which private pages there are, while the tasks stand still; drain_tasks() otherwise looks itself.
 * Without mappings_dump(), as in a pre-dump, it goes by what /proc shows of them. */
int drain_scan(struct dump *d);
/* Instead, for who has looked himself: d->regions are there. */
void drain_outline(struct dump *d);
/* The rest: task->mm and the private pages. */
int drain_tasks(struct dump *d);
/* The tree runs on: what was left to copies of its tasks. */
int drain_later(struct dump *d);
/* Before the tree is forgotten. */
void drain_done(struct dump *d);
