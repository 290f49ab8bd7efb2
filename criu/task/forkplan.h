// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who forks whom, and when: the tree of a restore as a pure function of the images.
 *
 * A process is born into the session and the group of its parent, may found its own of
 * either, and can join only groups of its session. So a task of another session than its
 * parent's is forked
 *   - before its parent founded a session, when it belongs to the one the parent had, or
 *   - by a helper in its session that then ends, and leaves it to the parent, which has to
 *     be the nearest reaper of orphans for that moment.
 * Who shares its working directory (CLONE_FS) with a sibling and not with their parent is forked
 * by that sibling, as a child of their parent (CLONE_PARENT).
 * Helpers also stand in for dead leaders of sessions and groups: nothing but their pid is
 * needed, until everybody has joined.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "criu/base/arena.h"
#include "criu/core/task.h"

struct fork_node {
	struct task *task; /* NULL: a helper */
	pid_t pid; /* 0: a helper that may have any */
	struct fork_node *parent; /* who forks it; NULL: crtool */
	struct fork_node *above; /* whose child it then is */
	bool sibling; /* of who forks it */
	struct fork_node *children, **tail, *next; /* in the order of forking */
	bool early; /* forked before its parent's setsid() */
	bool setsid;
	bool adopts; /* must be a subreaper while helpers end */
	pid_t sid; /* its session in the end; 0: crtool's */
	pid_t born_sid; /* the one it is born into */
	pid_t join; /* group to join, its own pid: to found; 0: stays in the one it is born into */
	size_t index; /* among all nodes */
	size_t depth;
};

struct fork_plan {
	struct fork_node **nodes; /* the parent before the child; the root first */
	size_t nr, cap;
	size_t nr_helpers;
};

/* The sibling that can fork tasks[index], so that both have one working directory; NULL: none. */
struct task *fork_plan_sibling(const struct tree *tree, size_t index);

/* Nodes are in the arena. Speaks: names the task that cannot be placed, and why. */
int fork_plan_make(struct arena *a, const struct tree *tree, struct fork_plan *ret);
