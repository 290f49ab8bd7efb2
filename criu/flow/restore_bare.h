// SPDX-License-Identifier: GPL-2.0-only
/*
 * Most processes of a large tree have next to everything as their parent has it. Such a one is born
 * bare: its parent forks it in the restorer, when nothing of crtool is left there. So there is
 * nothing of crtool that the kernel copies for it, and that it would have to give up. Its program
 * has been made by its parent, before, in memory that both of them see.
 */
#pragma once
#include "criu/core/restore.h"
#include "criu/mem/program.h"

struct bare_fork {
	const struct task *task;
	size_t index; /* in tree.tasks */
	uint64_t ops, stack_top;
};

/* Who is born bare. Before rooms are computed. */
void bare_plan(struct restore *r);
/* What that takes of the program of a task: bytes. */
size_t bare_room(const struct restore *r, const struct task *t);

/* In the parent, when it has all its files: numbers for what its children open. Speaks. */
int bare_prepare(struct restore *r, const struct task *t, struct mem_fds *ret);
/* What one of them has beside these; up: its parent's, which it is born with. */
void bare_fds(const struct restore *r, const struct task *t, const struct mem_fds *up,
	      struct mem_fds *fds);
/* The beginning of its program: it gets to its descriptors. */
void bare_begin(struct program *p, const struct restore *r, const struct task *t,
		const struct mem_fds *fds);
/* In the program of its parent, when that has left crtool. */
void bare_fork(struct program *p, const struct restore *r, const struct bare_fork *b, size_t nr);
