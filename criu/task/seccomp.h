// SPDX-License-Identifier: GPL-2.0-only
/* seccomp(2): mode and filters of each thread. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/program.h"
#include "criu/core/restore.h"

struct seccomp_node;

/* One thread's, from the image. */
struct seccomp_chain {
	uint32_t mode; /* SECCOMP_MODE_* */
	SeccompFilter **v; /* the first installed first */
	size_t nr;
};

/* The filters of a stopped thread; what cannot be made again is a blocker. Speaks. */
int seccomp_read(struct dump *d, const struct task *t, struct thread *th);
void seccomp_dump(const struct thread *th, ThreadCoreEntry *e);
/* seccomp.img: the filters of all threads that were read. */
int seccomp_write(struct dump *d);
void seccomp_done(struct dump *d);

bool seccomp_concerns(const struct task *t);
/* The calls that lead home from a blob without a tracer may cost its life: struct remote. */
bool seccomp_bars_home(const struct dump *d, const struct task *t);
/* While the task works for us; see compel/remote.h for the moments in which crtool is killed. */
int seccomp_suspend(const struct task *t, bool suspend);

/* restore: after the cores. Checks, and says what each thread will have. */
int seccomp_load(struct restore *r);
size_t seccomp_room(const struct task *t);
/* The leader's part, while nobody of the process has any: what all its threads share. */
void seccomp_restore_common(struct program *p, const struct task *t);
/* The rest, by each thread itself. */
void seccomp_restore_own(struct program *p, const struct task *t, size_t thread);
