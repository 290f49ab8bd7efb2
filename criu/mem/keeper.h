// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that does nothing but hold what tells of changes between two dumps: see keeper.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A task whose memory is looked after. Both descriptors are owned. */
struct kept {
	pid_t pid;
	int pidfd;
	int uffd; /* -1: the kernel needs none (soft-dirty) */
};

struct keeper {
	pid_t pid; /* 0: there is none */
	uint64_t start; /* as in /proc/PID/stat */
	int pidfd; /* -1 */
	int word; /* a socket: it ends when this is closed without a word; -1 */
	bool is_child;
};

#define KEEPER_NONE ((struct keeper){ .pidfd = -1, .word = -1 })

/* A new one, which ends with crtool until keeper_stay(). root: whose tree it is, to be seen. */
int keeper_start(struct keeper *k, pid_t root, const struct kept *v, size_t nr);
void keeper_stay(struct keeper *k);
/* It ends, and with it what it holds. Waits for that. */
void keeper_end(struct keeper *k);
/* Only forgets it. */
void keeper_forget(struct keeper *k);

/* The one that a dump has named: 1, or 0 when it is gone. pid 0: any that has this root. */
int keeper_find(pid_t pid, uint64_t start, pid_t root, struct keeper *ret);
/* What it holds, in our hands, to be closed, the list to be freed: of tasks that still live. */
int keeper_take(const struct keeper *k, struct kept **ret, size_t *ret_nr);
void kept_close(const struct kept *t);
