// SPDX-License-Identifier: GPL-2.0-only
#include "criu/core/task.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/arena.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/taskview.h"

struct task *tree_add(struct tree *tree, pid_t pid, struct task *parent)
{
	struct task *t = tree->arena ? arena_alloc(tree->arena, sizeof(*t)) : mem_alloc(sizeof(*t));

	t->pid = pid;
	t->parent = parent;
	t->kind = TASK_ALIVE;
	*array_push(tree->tasks, tree->nr, tree->cap) = t;
	return t;
}

static int by_pid(const void *a, const void *b)
{
	const struct task *const *x = a, *const *y = b;

	return ((*x)->pid > (*y)->pid) - ((*x)->pid < (*y)->pid);
}

void tree_index(struct tree *tree)
{
	free(tree->by_pid);
	tree->by_pid = mem_dup(tree->tasks, tree->nr * sizeof(*tree->tasks));
	qsort(tree->by_pid, tree->nr, sizeof(*tree->by_pid), by_pid);
}

struct task *tree_find(const struct tree *tree, pid_t pid)
{
	struct task key = { .pid = pid }, *k = &key, **found;

	if (!tree->by_pid)
		return NULL;
	found = bsearch(&k, tree->by_pid, tree->nr, sizeof(*tree->by_pid), by_pid);
	return found ? *found : NULL;
}

static void task_free(struct task *t)
{
	if (t->leader)
		proc_status_done(&t->leader->status);
	free(t->leader);
	free(t->frozen_cgroup);
	for (size_t i = 0; i < t->nr_threads; i++) {
		tracee_regs_done(&t->threads[i].regs);
		proc_status_done(&t->threads[i].status);
	}
	if (t->dead)
		proc_status_done(&t->dead->status);
	free(t->dead);
	free(t->threads);
	proc_timers_done(&t->timers);
	proc_vmas_done(&t->vmas);
	if (t->seen_fds)
		view_files_done(t->seen_fds, t->fds.nr);
	free(t->seen_fds);
	proc_fds_done(&t->fds);
	free(t->inner);
	free(t->exe.path);
	free(t->cwd.path);
	free(t->root.path);
	free(t->auxv);
	free(t->policies);
	free(t->ldt);
	free(t);
}

void tree_done(struct tree *tree)
{
	for (size_t i = 0; i < tree->nr && !tree->arena; i++)
		task_free(tree->tasks[i]);
	free(tree->tasks);
	free(tree->by_pid);
	*tree = (struct tree){ 0 };
}

void tree_remove(struct tree *tree, size_t index)
{
	task_free(tree->tasks[index]);
	memmove(&tree->tasks[index], &tree->tasks[index + 1],
		(tree->nr - index - 1) * sizeof(*tree->tasks));
	tree->nr--;
}

size_t tree_other_threads(const struct tree *tree, struct task_thread **ret)
{
	struct task_thread *v = NULL;
	size_t nr = 0, cap = 0;

	for (size_t i = 0; i < tree->nr; i++) {
		struct task *t = tree->tasks[i];

		for (size_t j = 1; j < t->nr_threads; j++)
			*array_push(v, nr, cap) = (struct task_thread){ t, &t->threads[j] };
	}
	*ret = v;
	return nr;
}

static struct thread *thread_init(struct thread *th, pid_t tid)
{
	memset(th, 0, sizeof(*th));
	th->tid = tid;
	th->restart_left = UINT64_MAX;
	return th;
}

void tree_set_threads(struct tree *tree, struct task *t, const uint32_t *tids, size_t nr)
{
	size_t size = nr * sizeof(*t->threads);

	t->threads = tree->arena ? arena_alloc(tree->arena, size) : mem_alloc(size);
	for (; t->nr_threads < nr; t->nr_threads++)
		thread_init(&t->threads[t->nr_threads], (pid_t)tids[t->nr_threads]);
}

struct thread *task_add_thread(struct task *t, pid_t tid)
{
	/* Most have one. */
	if (t->nr_threads == t->cap_threads) {
		t->cap_threads = t->cap_threads ? t->cap_threads * 2 : 1;
		t->threads = mem_realloc(t->threads, t->cap_threads, sizeof(*t->threads));
	}
	return thread_init(&t->threads[t->nr_threads++], tid);
}

struct thread *task_find_thread(struct task *t, pid_t tid)
{
	for (size_t i = 0; i < t->nr_threads; i++)
		if (t->threads[i].tid == tid)
			return &t->threads[i];
	return NULL;
}

void task_advance(struct task *t, enum task_life life)
{
	assert(life > t->life || life == TASK_GONE || t->life == TASK_FOUND);
	t->life = life;
}

int task_fail_at(int r, const struct task *t)
{
	if (!t->comm[0])
		return fail_at(r, "pid %d", (int)t->pid);
	return fail_at(r, "pid %d (%s)", (int)t->pid, t->comm);
}

bool tree_has_thread(const struct tree *tree, pid_t tid)
{
	const struct task *t;

	tasks_for_each(t, tree) {
		for (size_t i = 0; i < t->nr_threads; i++)
			if (t->threads[i].tid == tid)
				return true;
	}
	return false;
}
