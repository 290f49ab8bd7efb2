// SPDX-License-Identifier: GPL-2.0-only
/* io_uring(7): see uring.c. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/file.h"
#include "criu/core/program.h"
#include "criu/core/restore.h"
#include "criu/kernel/uring.h"
#include "images/file.pb-c.h"
#include "images/uring.pb-c.h"

/* One that was met. */
struct uring {
	uint32_t id;
	int fd; /* crtool's own */
	uint64_t dev, ino;
	pid_t outsider; /* who has it, too; 0: nobody */
	const char *name; /* pid and descriptor, for messages */
	struct task *holder; /* the first that has it */
	struct uring_fd at; /* in the kernel */
	struct uring_ring ring;
	struct task *maker; /* who has made it, or the holder */
	UringEntry *e; /* in the arena of the dump */
	bool blocked;
	struct uring *next;
};

/* A thread of the tree, whether it uses io_uring or not. */
struct uring_user {
	struct task *task;
	struct thread *thread;
	struct uring_thread at;
};

/* uring_find.c: at, ring, maker of all, when none of their requests is under way any more. What
 * stands in the way is told. Speaks. */
int urings_find(struct dump *d, struct uring *all);

/* The ring that a mapping is of: its id, or 0. */
uint32_t uring_mapped(const struct dump *d, const struct proc_vma *v);

/* uring_tables.c: what is registered with a ring; what cannot be kept of it is told. Speaks. */
int uring_tables_read(struct dump *d, const struct uring_view *v, struct uring *u);
/* The same of what a thread has registered: rings. */
int uring_numbers_read(struct dump *d, const struct uring_view *v, struct uring *all,
		       const struct uring_user *user);

/* One that comes back. */
struct uring_file {
	struct file file;
	int slot; /* broker number */
	int fd; /* in the task that has made it */
	struct uring_file *next;
};

/* uring_register.c. Images: speaks. */
int uring_tables_check(const UringEntry *e);
/* In the program of t, after that of its memory; and in that of each of its other threads. */
size_t urings_room(const struct restore *r, const struct task *t);
void urings_program(struct program *p, const struct restore *r, const struct task *t);
void urings_thread_program(struct program *p, const struct restore *r, const struct task *t,
			   pid_t tid);
