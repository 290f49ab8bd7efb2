// SPDX-License-Identifier: GPL-2.0-only
/* The meeting points of a restore: all tasks reach one before any starts the next. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "criu/pie/abi/program.h"

enum stage {
	STAGE_START,
	STAGE_FORK, /* every task and helper exists, in its session */
	STAGE_GROUPS, /* everybody is in the right process group */
	STAGE_ORPHANS, /* helpers have ended in turns: two stages for each, see spawn.c */
	STAGE_DEATHS = STAGE_ORPHANS + 2 * 32, /* zombies have ended */
	STAGE_MAKE, /* rounds: what has to be made by certain tasks, before files are opened */
	STAGE_FILES = STAGE_MAKE + 32, /* every fd is open by its owner, none is connected */
	STAGE_CONNECT, /* if r->has_connect: shared descriptions taken, terminals set */
	STAGE_MEMORY, /* restorer running, memory in place, threads exist */
	STAGE_LATE, /* leaders only, where there are such: files that needed the threads */
	STAGE_SECCOMP, /* leaders only, all are traced: filters that all their threads share */
	STAGE_CREDS, /* leaders and whoever has something left, all are traced: credentials */
	STAGE_RUN, /* leaders only, if r->has_run: what comes when all threads are done */
};

struct session;

/* crtool: before anybody waits. */
void stage_init(struct stage_area *a, size_t nr_tasks);
/* crtool: nr will work at the stage. Wakes them. */
void stage_start(struct stage_area *a, enum stage s, uint32_t nr);
/* crtool: until nobody is busy, or the first error, which is recorded. alive() is asked now
 * and then whether the tasks still live, and fails when one does not. */
int stage_wait(struct stage_area *a, struct session *s, int (*alive)(void *), void *ctx);

/* A task. */
void stage_done(struct stage_area *a);
/* Waits for the stage; ends the task when crtool is gone or has given up. */
void stage_enter(struct stage_area *a, enum stage s, int crtool_pidfd);
/* A task hands its error record to crtool and ends. */
void stage_fail(struct stage_area *a, int32_t pid, int err) __attribute__((noreturn));
bool stage_failed(const struct stage_area *a);
/* crtool: whoever waits for a stage ends instead. */
void stage_abort(struct stage_area *a);
