// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gives whom a table of descriptors (CLONE_FILES), or a working directory (CLONE_FS): both are
 * had only from who forks. Where those that share have others between them, these carry it: they
 * are born with it, fork who is to have it, and then take one of their own (unshare). Where none
 * of those that share is above the others, one forks its siblings (CLONE_PARENT).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "criu/core/task.h"

/*
 * Fills in forker and shared of all tasks. Speaks; with told, which has to take the error, it goes
 * on to find others.
 */
int fork_shares_plan(const struct tree *tree, void (*told)(void));

/* CLONE_FILES, CLONE_FS: what t gets from who forks it. */
uint64_t fork_share_flags(const struct task *forker, const struct task *t);
/* Is t to be forked before the forker leaves what it carries? */
bool fork_share_is_lent(const struct task *forker, const struct task *t);
/* Has such a one to get something else that the forker has only afterwards? */
bool fork_share_is_torn(const struct task *forker, const struct task *t);
/* For unshare(2), when those are forked. */
int fork_share_leaves(const struct task *t);
