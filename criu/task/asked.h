// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the parasite has asked of one is right for all that are alike, as a view of the kernel shows
 * it (kernel/taskview.h, procview.h): of a thousand children of one parent one or a few are
 * visited. Without a view, all are.
 */
#pragma once
#include "criu/core/dump.h"

#define ASKED_MAX 32 /* sorts of each */

/* Zero-initialise. Tasks stand still as long as it lives. */
struct asked {
	struct asked_thread {
		const struct view_thread *view;
		const struct thread *thread;
	} threads[ASKED_MAX];
	struct asked_task {
		const struct view_process *view;
		const struct view_thread *leader;
		const struct task *task;
	} tasks[ASKED_MAX];
	size_t nr_threads, nr_tasks;
};

/* Whether the answer of one is there, or is going to be. */
bool asked_thread_knows(const struct asked *a, const struct dump *d, const struct thread *th);
/* From an answer that is there: whether it is. */
bool asked_thread_take(const struct asked *a, const struct dump *d, struct thread *th);
bool asked_task_take(const struct asked *a, const struct dump *d, struct task *t);
/* For others. The first: it is going to be asked. */
void asked_thread_add(struct asked *a, const struct dump *d, const struct thread *th);
void asked_task_add(struct asked *a, const struct dump *d, const struct task *t);
