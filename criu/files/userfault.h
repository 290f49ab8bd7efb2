// SPDX-License-Identifier: GPL-2.0-only
/* userfaultfd(2): see userfault.c. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/program.h"
#include "criu/core/restore.h"
#include "images/file.pb-c.h"

/* One that was met. */
struct userfault {
	uint32_t id;
	int fd; /* crtool's own */
	uint32_t features; /* as in fdinfo */
	uint64_t pending;
	uint64_t dev, ino;
	pid_t outsider; /* who has it, too; 0: nobody */
	const char *name; /* pid and descriptor, for messages */
	struct task *mm; /* whose address space it is of; NULL: nobody's in the tree */
	bool user_mode_only;
	UserfaultfdEntry *e; /* in the arena of the dump */
	struct userfault *next;
};

/* userfault_find.c: mm, user_mode_only and what is registered, of all. Speaks. */
int userfaults_find(struct dump *d, struct userfault *all);

/* In the program of t, after that of its memory: what it takes, and the operations. */
size_t userfaults_room(const struct restore *r, const struct task *t);
void userfaults_program(struct program *p, const struct restore *r, const struct task *t);
