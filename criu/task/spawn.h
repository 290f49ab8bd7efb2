// SPDX-License-Identifier: GPL-2.0-only
/* Making the processes of a plan, each at its pid, in its session and group. */
#pragma once
#include "criu/core/restore.h"
#include "criu/task/forkplan.h"

/* Once there is a plan: which numbers are for helpers, and for threads that read memory. Speaks. */
int spawn_numbers(struct restore *r);

/*
 * In crtool: makes the root, which makes the rest. Each runs body(r, t) once it exists as
 * planned, or ends as a zombie or helper does. Returns when the root is forked.
 */
int spawn_root(struct restore *r, void (*body)(struct restore *r, struct task *t));

/* How many report at STAGE_FORK, STAGE_GROUPS; at STAGE_DEATHS only those that live do. */
uint32_t spawn_nr(const struct restore *r);
/* Run `stage` for those who join groups; where nobody does, there is no such stage. */
int spawn_groups(struct restore *r, int (*stage)(struct restore *r, enum stage s, uint32_t nr));
/* The same for all that helpers have to do to end, in turns, and for zombies. */
int spawn_end(struct restore *r, int (*stage)(struct restore *r, enum stage s, uint32_t nr));
uint32_t spawn_nr_alive(const struct restore *r);
/* The same before STAGE_MEMORY: but for those that are born bare. */
uint32_t spawn_nr_forked(const struct restore *r);

/* For stage_wait(): all that were made and have not been told to end still live. */
int spawn_alive(void *restore);
/* Nothing of them is left. */
void spawn_kill(struct restore *r);
