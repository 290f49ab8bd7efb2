// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is found out of each descriptor of a table before anybody knows what it is: by everybody
 * at the same time, some hundreds at once.
 */
#pragma once
#include <sys/stat.h>

#include "criu/base/map.h"
#include "criu/base/parallel.h"
#include "criu/core/dump.h"
#include "criu/files/pipedata.h"
#include "criu/kernel/proc_fd.h"
#include "criu/kernel/taskview.h"

/* A task whose descriptors are looked at, and what that takes: opened when it is needed. */
struct table {
	struct task *task;
	int proc, pidfd; /* -1: not yet */
};

/* Speaks. */
int table_open(struct table *tb);
void table_close(struct table *tb);

#define LOOKS_AT_ONCE  256 /* twice as many descriptors of crtool's does this take */
#define LOOK_LINK_SIZE VIEW_LINK

struct look {
	int fd;
	int lfd; /* crtool's own of the same description; -1: nothing is to be asked of it */
	const struct view_file *seen; /* NULL: there is no view */
	int family; /* of a socket, if it has been asked for: AF_*; -1 */
	bool info_is_read; /* as text: else it is what the view shows */
	struct proc_fdinfo info;
	struct stat st;
	char link[LOOK_LINK_SIZE]; /* "": not known yet, being long, or of a pipe or socket */
	bool link_is_old; /* what it was when the tree was frozen */
	bool link_leads; /* to this file */
	struct pipe_look *pipe; /* files/pipedata.h; owned; NULL */
	int spent; /* lfd of whom this was before, still open; -1 */
};

struct look_batch {
	size_t nr, used; /* places; that ever were */
	struct look v[LOOKS_AT_ONCE];
};

/* Large, and most tables need little of it: looks_begin() does not write all of it. */
struct looks {
	const struct table *tb;
	/* While the caller deals with what was taken, others look at the next. */
	struct look_batch batch[2], *taken, *next;
	struct parallel *others; /* NULL: there never were enough */
	bool is_started;
	struct proc_buf buf[PARALLEL_WORKERS_MAX];
	struct pipe_room rooms[PARALLEL_WORKERS_MAX];

	const struct view_file *seen; /* of a table of many; by number */
	size_t nr_seen;
	/* What the view has proven right of: kinds; mounts, and their id + 1. */
	struct map kinds, mounts;
	/* Pipes differ only in the number of their inode. */
	uint64_t pipes_mount; /* 0: not known yet */
	struct stat pipes_st;
	/* Eventfds have all the same inode: 0, not known yet. */
	uint64_t events_inode;
	struct stat events_st;
	char events_link[32]; /* and link; "": not known */
};

void looks_begin(struct looks *l, const struct table *tb);
void looks_add(struct looks *l, int fd);
/* Others begin to look at those that were added. */
void looks_start(struct looks *l);
/* l->taken: those for which that was called last. Speaks. */
int looks_take(struct looks *l);
/* They are not needed any more: before the next are taken. */
void looks_forget(struct looks *l);
void looks_done(struct looks *l);
