// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who forks whom, and when: the tree of a restore as a pure function of the images.
 *
 * A process is born into the session and the group of its forker, may found its own of
 * either, and can join only groups of its session. So a task of another session than its
 * parent's is forked
 *   - before its parent founded a session, when it belongs to the one the parent was born into, or
 *   - by a helper in its session that then ends, and leaves it to the parent, which has to
 *     be the nearest reaper of orphans for that moment.
 * Who shares descriptors or its working directory with others than its parent: see forkshare.h.
 * Helpers also stand in for dead leaders of sessions and groups: nothing but their pid is
 * needed, until everybody has joined; and keep a group alive that its leader has left.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "criu/base/arena.h"
#include "criu/core/task.h"

struct fork_node {
	struct task *task; /* NULL: a helper */
	pid_t pid; /* 0: a helper that may have any, until it is forked */
	struct fork_node *home; /* whose child a task is in the end; to whom a helper leaves its */
	struct fork_node *parent; /* who forks it; NULL: crtool */
	struct fork_node *above; /* whose child it then is */
	bool sibling; /* of who forks it */
	struct fork_node *children, **tail, *next; /* in the order of forking */
	struct fork_node *dead, *next_dead; /* zombies that are its children in the end */
	bool lent; /* forked before its parent leaves what it carries, first of all */
	bool early; /* forked before its parent's setsid() */
	bool setsid;
	bool founds; /* a group of its own, by setpgid() */
	bool keeper; /* a helper that its parent puts into the group that it has founded */
	bool is_born; /* born_sid is certain */
	pid_t sid; /* its session in the end; 0: crtool's */
	pid_t born_sid; /* the one it is born into */
	pid_t born_pgid; /* the group it is born into; 0: crtool's */
	pid_t join; /* group to join when all are founded; 0: none */
	size_t depth;

	/* Helpers end in turns, so that each leaves its children to the right one. */
	uint32_t turn; /* of a helper */
	uint32_t latest; /* turn among the helpers below it */
	uint32_t adopts, passed; /* by turn, a bit each: is a reaper of orphans; may be none */
};

#define FORK_TURNS_MAX 32

struct fork_plan {
	struct fork_node **nodes; /* the parent before the child; the root first */
	size_t nr, cap;
	size_t nr_helpers;
	uint32_t nr_turns; /* 0: no helpers */
	bool joins; /* somebody joins a group that it was not born into; or there are helpers */
	bool ends; /* somebody ends: helpers, or who is a zombie */
	pid_t *numbers; /* sorted: of all processes, threads, groups and sessions */
	size_t nr_numbers;
};

/* Nodes are in the arena. Speaks: names the task that cannot be placed, and why. */
int fork_plan_make(struct arena *a, const struct tree *tree, struct fork_plan *ret);
void fork_plan_done(struct fork_plan *plan);
/* Is pid a number that a helper must not have? */
bool fork_plan_uses(const struct fork_plan *plan, pid_t pid);

/* criu/task/forkturns.c: when each helper ends. Speaks. */
int fork_plan_turns(struct fork_plan *plan);
/* How many processes there are when a turn begins. */
size_t fork_plan_left(const struct fork_plan *plan, uint32_t turn);
