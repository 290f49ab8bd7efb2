// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/asked.h"

#include <fcntl.h>
#include <string.h>

#include "criu/base/mem.h"
#include "criu/kernel/procview.h"
#include "criu/pie/abi/parasite.h"

/* --- threads ----------------------------------------------------------------------------- */

static const struct view_thread *thread_view(const struct dump *d, const struct thread *th)
{
	return d->has_view ? taskview_find(&d->view, th->tid) : NULL;
}

static const struct asked_thread *thread_find(const struct asked *a, const struct view_thread *view)
{
	for (size_t i = 0; view && i < a->nr_threads; i++)
		if (!memcmp(&a->threads[i].view->inside, &view->inside, sizeof(view->inside)))
			return &a->threads[i];
	return NULL;
}

bool asked_thread_knows(const struct asked *a, const struct dump *d, const struct thread *th)
{
	return thread_find(a, thread_view(d, th));
}

bool asked_thread_take(const struct asked *a, const struct dump *d, struct thread *th)
{
	const struct view_thread *view = thread_view(d, th);
	const struct asked_thread *like = thread_find(a, view);

	if (!like || like->thread == th)
		return false;
	th->inner = like->thread->inner;
	th->inner.clear_child_tid = view->clear_child_tid;
	return true;
}

void asked_thread_add(struct asked *a, const struct dump *d, const struct thread *th)
{
	const struct view_thread *view = thread_view(d, th);

	if (view && a->nr_threads < ASKED_MAX)
		a->threads[a->nr_threads++] = (struct asked_thread){ view, th };
}

/* --- tasks ------------------------------------------------------------------------------- */

static bool close_on_exec(const struct view_process *view, int fd)
{
	return view->close_on_exec[fd / 64] >> (fd % 64) & 1;
}

/* What the bits of the kernel mean is seen from one whose flags are known. */
static bool bits_are_flags(const struct view_process *view, const struct task *t)
{
	for (size_t i = 0; i < t->fds.nr; i++)
		if (t->fds.v[i] >= VIEW_FDS ||
		    close_on_exec(view, t->fds.v[i]) != (parasite_fds(t->inner)[i] == FD_CLOEXEC))
			return false;
	return true;
}

/* Timers that run tell each task something else; mappings are not compared for their policies; and
 * what else a few have is asked for in a visit. */
static bool is_plain(const struct dump *d, const struct task *t)
{
	return !(d->wanted & PARASITE_XCOMP) && t->abi == TASK_ABI_64 && !t->timers.nr &&
	       t->vmas.no_policies;
}

static bool timers_rest(const struct parasite_process_args *a)
{
	static const struct parasite_itimer none[3];

	return !memcmp(a->itimer, none, sizeof(none));
}

static const struct asked_task *task_find(const struct asked *a, const struct view_process *view,
					  const struct view_thread *leader)
{
	for (size_t i = 0; i < a->nr_tasks; i++) {
		const struct asked_task *known = &a->tasks[i];

		if (!memcmp(&known->view->inside, &view->inside, sizeof(view->inside)) &&
		    !memcmp(known->view->places, view->places, sizeof(view->places)) &&
		    !memcmp(&known->leader->inside, &leader->inside, sizeof(leader->inside)))
			return known;
	}
	return NULL;
}

static void answers_copy(const struct task *from, const struct view_process *view, struct task *t)
{
	size_t len = sizeof(*t->inner) + t->fds.nr * sizeof(int32_t);

	t->inner = mem_alloc(len);
	*t->inner = *from->inner;
	t->inner->nr_fds = (uint32_t)t->fds.nr;
	for (size_t i = 0; i < t->fds.nr; i++)
		parasite_fds(t->inner)[i] = close_on_exec(view, t->fds.v[i]) ? FD_CLOEXEC : 0;
}

bool asked_task_take(const struct asked *a, const struct dump *d, struct task *t)
{
	const struct view_process *view = d->has_view ? taskview_process(&d->view, t->pid) : NULL;
	const struct view_thread *leader = thread_view(d, &t->threads[0]);
	const struct asked_task *like;

	if (!view || !leader || !view->has_fds || !is_plain(d, t))
		return false;
	like = task_find(a, view, leader);
	if (!like)
		return false;
	for (size_t i = 1; i < t->nr_threads; i++)
		if (!asked_thread_take(a, d, &t->threads[i]))
			return false;
	answers_copy(like->task, view, t);
	t->threads[0].inner = t->inner->thread;
	t->threads[0].inner.clear_child_tid = leader->clear_child_tid;
	return true;
}

void asked_task_add(struct asked *a, const struct dump *d, const struct task *t)
{
	const struct view_process *view = d->has_view ? taskview_process(&d->view, t->pid) : NULL;
	const struct view_thread *leader = thread_view(d, &t->threads[0]);

	if (!view || !leader || !view->has_fds || a->nr_tasks == ASKED_MAX || !is_plain(d, t) ||
	    t->inner->has_ldt || !timers_rest(t->inner) || !bits_are_flags(view, t) ||
	    task_find(a, view, leader))
		return;
	a->tasks[a->nr_tasks++] = (struct asked_task){ view, leader, t };
}
