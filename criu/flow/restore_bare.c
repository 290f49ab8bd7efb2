// SPDX-License-Identifier: GPL-2.0-only
#include "criu/flow/restore_bare.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/files/byfork.h"
#include "criu/files/load.h"
#include "criu/flow/restore_task.h"
#include "criu/mem/load.h"
#include "criu/mem/pagemap.h"
#include "criu/mem/vma.h"
#include "criu/task/attrs.h"
#include "criu/task/forkplan.h"

/* --- who --------------------------------------------------------------------------- */

/* Is there nothing that a process has to do for others, before all have their memory? */
static bool is_plain(const struct restore *r)
{
	struct task *t;

	if (r->tree.nr == 1 || r->has_compat)
		return false;
	tasks_for_each(t, &r->tree)
		if (t->shared[SHARE_FILES].with || t->shared[SHARE_FS].with)
			return false;
	return !files_name_processes(r);
}

/* A mapping that its parent has of the same file, which it opens in the same way; or n_vmas. */
static size_t find_mapped(const MmEntry *up, const VmaEntry *v)
{
	size_t i = 0;

	while (i < up->n_vmas && !(vma_is_file(up->vmas[i]) && up->vmas[i]->shmid == v->shmid &&
				   up->vmas[i]->fdflags == v->fdflags))
		i++;
	return i;
}

static bool maps_what_is_open(const struct restore *r, const struct task *t)
{
	const MmEntry *mm = t->restore->mm, *up = t->parent->restore->mm;

	for (size_t i = 0; i < mm->n_vmas; i++) {
		const VmaEntry *v = mm->vmas[i];

		if (v->status & VMA_AIORING ||
		    (vma_is_file(v) && mapped_file_fd(r, (uint32_t)v->shmid, v->fdflags) < 0 &&
		     find_mapped(up, v) == up->n_vmas))
			return false;
	}
	/* Which is then the one that its parent has found not to be written to. */
	return mm->exe_file_id == up->exe_file_id &&
	       mapped_file_fd(r, mm->exe_file_id, O_RDONLY) >= 0;
}

static bool has_place_of_parent(const struct task *t)
{
	const FsEntry *own = t->restore->fs, *up = t->parent->restore->fs;

	return own->cwd_id == up->cwd_id && own->root_id == up->root_id &&
	       own->has_umask == up->has_umask && own->umask == up->umask;
}

/* Its parent is in its session and group by then; and for nobody it has to be there before. */
static bool is_born_there(const struct fork_node *n)
{
	const struct task *t = n->task;

	return t && task_is_alive(t) && t->parent && n->parent->task == t->parent &&
	       t->sid == t->parent->sid && t->pgid == t->parent->pgid && !n->children && !n->dead &&
	       !n->adopts;
}

static bool is_bare(const struct restore *r, const struct fork_node *n)
{
	const struct task *t = n->task;

	return is_born_there(n) && !restore_task_writes(r, t) &&
	       !restore_task_writes(r, t->parent) && files_come_by_fork(t) &&
	       has_place_of_parent(t) && maps_what_is_open(r, t) &&
	       mem_leaves_alike(t, &r->vdso[TASK_ABI_64]);
}

/* They are born after all others: so that children stay in their order, nobody is who has a sibling
 * behind it that is not. */
static size_t keep_order(const struct fork_node *n)
{
	const struct fork_node *last = NULL;
	size_t nr = 0;

	for (const struct fork_node *c = n->children; c; c = c->next)
		if (c->task && !c->task->restore->is_bare)
			last = c;
	for (const struct fork_node *c = n->children; c; c = c->next) {
		if (c == last)
			last = NULL;
		if (!c->task || !c->task->restore->is_bare)
			continue;
		c->task->restore->is_bare = !last;
		n->task->restore->has_bare |= !last;
		nr += !last;
	}
	return nr;
}

void bare_plan(struct restore *r)
{
	size_t nr = 0;

	if (!is_plain(r))
		return;
	for (size_t i = 0; i < r->plan->nr; i++)
		if (is_bare(r, r->plan->nodes[i]))
			r->plan->nodes[i]->task->restore->is_bare = true;
	for (size_t i = 0; i < r->plan->nr; i++)
		nr += keep_order(r->plan->nodes[i]);
	log_debug("%zu of %zu tasks are born bare", nr, r->tree.nr);
}

/* --- their programs ---------------------------------------------------------------- */

size_t bare_room(const struct restore *r, const struct task *t)
{
	size_t room = 0;
	struct task *c;

	if (t->restore->is_bare)
		room = files_keep_room(t) +
		       t->restore->nr_sources * (sizeof(struct op) + IMAGE_NAME_MAX + 16);
	if (!t->restore->has_bare)
		return room;
	tasks_for_each(c, &r->tree)
		room += c->parent == t && c->restore->is_bare ? 2 * sizeof(struct op) : 0;
	return room;
}

int bare_prepare(struct restore *r, const struct task *t, struct mem_fds *ret)
{
	size_t sources = 0, vmas = 0;
	struct task *c;

	tasks_for_each(c, &r->tree) {
		if (c->parent != t || !c->restore->is_bare)
			continue;
		if (c->restore->nr_sources > sources)
			sources = c->restore->nr_sources;
		if (c->restore->mm->n_vmas > vmas)
			vmas = c->restore->mm->n_vmas;
	}
	*ret = (struct mem_fds){ .aio = -1,
				 .pages = arena_array(&r->arena, int, sources + 1),
				 .vma = arena_array(&r->arena, int, vmas + 1) };
	for (size_t i = 0; i < sources; i++) {
		ret->pages[i] = fcntl(r->crtool_pidfd, F_DUPFD_CLOEXEC, r->service_base);
		if (ret->pages[i] < 0)
			return fail(errno, "no descriptor number from %d on", r->service_base);
	}
	return 0;
}

void bare_fds(const struct restore *r, const struct task *t, const struct mem_fds *up,
	      struct mem_fds *fds)
{
	const MmEntry *mm = t->restore->mm;

	for (size_t i = 0; i < mm->n_vmas; i++) {
		const VmaEntry *v = mm->vmas[i];

		fds->vma[i] = -1;
		if (vma_is_file(v))
			fds->vma[i] = mapped_file_fd(r, (uint32_t)v->shmid, v->fdflags);
		if (vma_is_file(v) && fds->vma[i] < 0)
			fds->vma[i] = up->vma[find_mapped(t->parent->restore->mm, v)];
	}
	fds->exe = mapped_file_fd(r, mm->exe_file_id, O_RDONLY);
}

void bare_begin(struct program *p, const struct restore *r, const struct task *t,
		const struct mem_fds *fds)
{
	files_keep(p, r, t);
	for (size_t i = 0; i < t->restore->nr_sources; i++) {
		struct op *op = program_op(p, OP_OPEN, OP_WHAT_OPEN);
		char name[IMAGE_NAME_MAX];

		op->arg[0] = (uint64_t)page_file_name(r->chain, &t->restore->sources[i], name);
		op->arg[1] = program_copy(p, name, strlen(name) + 1);
		op->arg[2] = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
		op->arg[3] = (uint64_t)fds->pages[i];
	}
}

/* Each is born to the timer slack that is to be its default: see slack_lend() of spawn.c. */
void bare_fork(struct program *p, const struct restore *r, const struct bare_fork *b, size_t nr)
{
	uint64_t slack = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct task *t = b[i].task;
		uint64_t wanted = attrs_slack_default(t->restore->cores[0]->thread_core);
		struct op *op;

		if (wanted != slack)
			PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_TIMERSLACK, wanted);
		slack = wanted;
		op = program_op(p, OP_FORK, OP_WHAT_FORK);
		op->arg[0] = (uint64_t)t->pid;
		op->arg[1] = b[i].stack_top;
		op->arg[2] = b[i].ops;
		op->arg[3] = (uint64_t)t->exit_signal;
		op->arg[4] = (uint64_t)(uintptr_t)&r->created[b[i].index];
	}
}
