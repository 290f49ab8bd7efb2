// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel has of rings, and whether they are quiet. fdinfo shows what is polled for, but
 * no timeout, no request that a worker has, no I/O under way. The kernel counts for each thread
 * what it has submitted and what is not over yet (struct io_uring_task); whose sum is 0 is quiet.
 *
 * A request may be over, and wait for its thread to tell of it, which stands still. It tells on
 * the return from any system call, or, with IORING_SETUP_DEFER_TASKRUN, from io_uring_enter(2). So
 * those that have some are visited by the parasite, from time to time, until there is none left or
 * it has taken too long.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/files/uring.h"
#include "criu/files/uring_ring.h"
#include "criu/pie/abi/parasite.h"
#include "criu/task/ask.h"

#define PATIENCE_US 100000 /* for requests that will soon be over, of a disk for instance */
#define PAUSE_NS    1000000

struct finding {
	struct dump *d;
	struct uring *all;
	struct uring_view view;
	struct uring_user *users;
	size_t nr, cap;
};

/* --- who uses io_uring --------------------------------------------------------------------- */

static int user_read(struct finding *f, struct task *t, struct thread *th)
{
	struct uring_user *u = array_push(f->users, f->nr, f->cap);
	int r = uring_thread_read(&f->view, th->tid, &u->at);

	u->task = t;
	u->thread = th;
	return r < 0 ? fail(-r, "io_uring: look at thread %d", (int)th->tid) : 0;
}

static int users_read(struct finding *f)
{
	struct task *t;
	int r = 0;

	f->nr = 0;
	tasks_for_each(t, &f->d->tree) {
		for (size_t i = 0; i < t->nr_threads && r >= 0; i++)
			r = user_read(f, t, &t->threads[i]);
		if (r < 0)
			return task_fail_at(r, t);
	}
	return 0;
}

static int64_t requests_of(const struct finding *f, const struct task *t)
{
	int64_t sum = 0;

	for (size_t i = 0; i < f->nr; i++)
		if (!t || f->users[i].task == t)
			sum += f->users[i].at.requests;
	return sum;
}

/* --- until all is quiet -------------------------------------------------------------------- */

/* Rings whose results this thread alone can be told. */
static void rings_of(const struct finding *f, const struct uring_user *u,
		     struct parasite_uring_args *ret)
{
	*ret = (struct parasite_uring_args){ .command = PARASITE_URING };
	for (const struct uring *r = f->all; r && ret->nr < PARASITE_URINGS; r = r->next) {
		if (!(r->ring.setup_flags & IORING_SETUP_DEFER_TASKRUN) ||
		    r->ring.issuer != u->at.task)
			continue;
		for (size_t i = 0; i < u->task->fds.nr; i++)
			if (u->task->fd_ids && u->task->fd_ids[i] == r->id) {
				ret->fd[ret->nr++] = u->task->fds.v[i];
				break;
			}
	}
}

static int others_visit(const struct finding *f, const struct task *t, struct remote *r)
{
	struct parasite_uring_args args[REMOTE_THREADS];
	struct remote_thread call[REMOTE_THREADS];
	size_t nr = 0;

	for (size_t i = 0; i < f->nr && nr < REMOTE_THREADS; i++) {
		const struct uring_user *u = &f->users[i];

		if (u->task != t || u->thread == t->threads || !u->at.requests)
			continue;
		rings_of(f, u, &args[nr]);
		call[nr] = (struct remote_thread){ .tid = u->thread->tid,
						   .regs = &u->thread->regs,
						   .args = &args[nr],
						   .args_len = sizeof(args[nr]) };
		nr++;
	}
	return nr ? remote_call_threads(r, call, nr) : 0;
}

static int visit(void *ctx, const struct task *t, struct remote *r)
{
	const struct finding *f = ctx;
	struct parasite_uring_args args = { .command = PARASITE_URING };
	int err = others_visit(f, t, r);

	for (size_t i = 0; i < f->nr; i++)
		if (f->users[i].thread == t->threads)
			rings_of(f, &f->users[i], &args);
	if (err >= 0)
		err = remote_call_begin(r, 0, &args, sizeof(args));
	if (err >= 0)
		err = remote_call_end(r, 0, &args, sizeof(args));
	return err < 0 ? fail(-err, "run the parasite") : 0;
}

static int visit_all(struct finding *f)
{
	struct task *t;

	tasks_for_each(t, &f->d->tree) {
		int r = task_is_alive(t) && t->inner && requests_of(f, t)
			    ? ask_again(f->d, t, visit, f)
			    : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int wait_until_quiet(struct finding *f)
{
	const struct timespec pause = { 0, PAUSE_NS };
	uint64_t until = clock_us() + PATIENCE_US;
	int r = users_read(f);

	while (r >= 0 && requests_of(f, NULL) && clock_us() < until) {
		r = session_interrupted(f->d->s);
		if (r >= 0)
			r = visit_all(f);
		nanosleep(&pause, NULL);
		if (r >= 0)
			r = users_read(f);
	}
	return r;
}

static void block_busy(const struct finding *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		const struct uring_user *u = &f->users[i];

		if (u->at.requests)
			blocker("have it cancel them (IORING_OP_ASYNC_CANCEL), or wait until they "
				"are over",
				"pid %d (%s): thread %d has %lld request%s of io_uring under way",
				(int)u->task->pid, u->task->comm, (int)u->thread->tid,
				(long long)u->at.requests, u->at.requests == 1 ? "" : "s");
	}
}

/* --- what a ring is ------------------------------------------------------------------------ */

/* crtool's own descriptors are of the same files. */
static int objects_find(struct finding *f)
{
	struct uring_fd *fds = NULL;
	ssize_t nr = uring_fds_read(&f->view, getpid(), &fds);
	int r = nr < 0 ? fail((int)-nr, "io_uring: look at descriptors") : 0;

	for (struct uring *u = f->all; u && r >= 0; u = u->next) {
		for (ssize_t i = 0; i < nr; i++)
			if (fds[i].fd == (uint64_t)u->fd)
				u->at = fds[i];
		if (u->at.object)
			r = uring_ring_read(&f->view, u->at.object, &u->ring);
		else
			r = -ENOENT;
		if (r < 0)
			r = fail_at(fail(-r, "io_uring: look at it"), "%s", u->name);
	}
	free(fds);
	return r;
}

/* Who submits to it, or whose memory it was made in; else who has it. */
static void maker_find(const struct finding *f, struct uring *u)
{
	u->maker = u->holder;
	for (size_t i = 0; i < f->nr; i++)
		if (u->ring.issuer ? f->users[i].at.task == u->ring.issuer
				   : f->users[i].at.mm == u->ring.mm) {
			u->maker = f->users[i].task;
			return;
		}
}

static bool issuer_is_main(const struct finding *f, const struct uring *u)
{
	for (size_t i = 0; i < f->nr; i++)
		if (f->users[i].at.task == u->ring.issuer)
			return f->users[i].thread->tid == f->users[i].task->pid;
	return false;
}

/* What it does is done by the rights of who has made it, and its thread would take a number that
 * may be another's: see Documentation/objects.md. */
static bool poller_blocks(const struct uring *u)
{
	if (u->ring.has_poller)
		blocker(NULL,
			"%s: an io_uring with a thread of the kernel that submits "
			"(IORING_SETUP_SQPOLL), which cannot be kept",
			u->name);
	return u->ring.has_poller;
}

static const char *why_not(const struct finding *f, const struct uring *u)
{
	const struct uring_ring *r = &u->ring;
	uint32_t unknown = r->setup_flags & ~(uint32_t)(URING_SETUP_KEPT | URING_SETUP_DROPPED);

	if (u->maker->abi != TASK_ABI_64)
		return "of a 32-bit program";
	if (r->setup_flags & IORING_SETUP_NO_MMAP)
		return "in memory of its process (IORING_SETUP_NO_MMAP)";
	if (unknown)
		return "with flags of io_uring_setup that are not known";
	if (r->has_overflow)
		return "with more results than it has room for";
	if (r->issuer && !issuer_is_main(f, u))
		return "that only a thread other than the main one may submit to";
	if (r->has_restrictions)
		return "with restrictions";
	if (r->has_personalities)
		return "with personalities";
	if (r->has_buffer_rings)
		return "with provided buffers";
	if (r->has_receive_rings)
		return "that receives into memory of its own (zero copy)";
	if (r->has_napi)
		return "that polls network devices (NAPI)";
	if (r->has_wait_region)
		return "with registered memory to wait by";
	return NULL;
}

static void ring_judge(const struct finding *f, struct uring *u)
{
	bool poller = poller_blocks(u);
	const char *why = poller ? NULL : why_not(f, u);

	u->blocked = poller || why || u->outsider;
	if (u->outsider)
		blocker("include that process in the tree",
			"%s: an io_uring that pid %d has open, too, which is not in the tree",
			u->name, (int)u->outsider);
	if (why)
		blocker(NULL, "%s: an io_uring %s, which cannot be kept yet", u->name, why);
	u->e->pid = (uint32_t)u->maker->pid;
	u->e->setup_flags = u->ring.setup_flags & URING_SETUP_KEPT;
	u->e->sq_entries = u->ring.sq_entries;
	u->e->cq_entries = u->ring.cq_entries;
	u->e->sq_head = u->ring.sq_head;
	u->e->cq_tail = u->ring.cq_tail;
	u->e->has_clock = u->ring.clock != CLOCK_MONOTONIC;
	u->e->clock = u->ring.clock;
	if (u->ring.workers[0] || u->ring.workers[1]) {
		u->e->n_workers = ARRAY_SIZE(u->ring.workers);
		u->e->workers = u->ring.workers;
	}
}

static int look(struct finding *f)
{
	int r = objects_find(f);

	if (r >= 0)
		r = wait_until_quiet(f);
	/* What was told meanwhile has moved positions. */
	if (r >= 0)
		r = objects_find(f);
	if (r < 0)
		return r;
	block_busy(f);
	for (struct uring *u = f->all; u && r >= 0; u = u->next) {
		maker_find(f, u);
		ring_judge(f, u);
		r = uring_tables_read(f->d, &f->view, u);
	}
	for (size_t i = 0; i < f->nr && r >= 0; i++)
		r = uring_numbers_read(f->d, &f->view, f->all, &f->users[i]);
	return r;
}

static void block_unseen(const struct uring *all, int err)
{
	for (const struct uring *u = all; u; u = u->next)
		blocker(err == -EPERM || err == -EACCES
			    ? "crtool needs CAP_BPF and CAP_PERFMON for that"
			    : "this needs Linux 6.13 with BTF (CONFIG_DEBUG_INFO_BTF)",
			"%s: an io_uring: what the kernel has of it cannot be read: %s", u->name,
			strerror(-err));
}

int urings_find(struct dump *d, struct uring *all)
{
	struct finding f = { .d = d, .all = all };
	int r = uring_view_open(&f.view);

	if (r < 0) {
		block_unseen(all, r);
		for (struct uring *u = all; u; u = u->next)
			u->blocked = true;
		return 0;
	}
	r = look(&f);
	uring_view_done(&f.view);
	free(f.users);
	return r;
}
