// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt all threads of a generation, then wait for all of them, then look for what
 * they forked. A task that stands still has no new children, unless one of its
 * descendants dies and leaves it orphans: so as long as a pass sees somebody die or
 * somebody dead, another pass follows.
 */
#include "criu/task/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compel/tracee.h"
#include "criu/base/cleanup.h"
#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/syscalls.h"
#include "criu/task/stuck.h"
#include "criu/task/waiting.h"

#define SEIZE_TRIES 1000
#define LEADERS_MAX 5
#define MANY_KIN    64 /* processes or threads of a generation, for one look at all */

static int root_is_thread(struct dump *d, int proc, pid_t pid)
{
	cleanup_proc_status struct proc_status st = { 0 };
	int r = proc_status_read(proc, 0, &d->buf, &st);

	if (r < 0)
		return fail(-r, "read /proc/%d/status", (int)pid);
	stuck_prepare(d);
	if (st.tgid != pid)
		return fail_hint(fail_plain("%d is a thread of process %d (%s)", (int)pid,
					    (int)st.tgid, st.comm),
				 "dump the process: --tree %d", (int)st.tgid);
	if (st.kthread)
		return fail_plain("pid %d (%s): a kernel thread", (int)pid, st.comm);
	return 0;
}

static int root_is_not_ours(struct dump *d, pid_t pid)
{
	struct proc_stat st = { .ppid = getpid() };

	for (pid_t up = getpid(); up > 0; up = st.ppid) {
		cleanup_close int proc = proc_open(up);

		if (up == pid)
			return fail_plain("pid %d is %s", (int)pid,
					  up == getpid() ? "crtool itself"
							 : "an ancestor of crtool");
		if (proc < 0 || proc_stat_read(proc, 0, &d->buf, &st) < 0)
			break;
	}
	return 0;
}

int freeze_check_root(struct dump *d)
{
	pid_t pid = d->s->opts->tree;
	cleanup_close int proc = proc_open(pid);
	int r;

	if (proc == -ENOENT)
		return fail_plain("pid %d: no such process", (int)pid);
	if (proc < 0)
		return fail(-proc, "open /proc/%d", (int)pid);
	r = root_is_thread(d, proc, pid);
	return r < 0 ? r : root_is_not_ours(d, pid);
}

/* For a message: tasks have no name before they are read. */
static int unread_fail_at(int r, struct dump *d, struct task *t)
{
	cleanup_close int proc = proc_open(t->pid);
	struct proc_stat st;

	if (r < 0 && proc >= 0 && proc_stat_read(proc, 0, &d->buf, &st) >= 0)
		memcpy(t->comm, st.comm, sizeof(t->comm));
	return task_fail_at(r, t);
}

static int seize_refused(struct dump *d, struct task *t, pid_t tid, int err)
{
	cleanup_close int proc = proc_open(tid);
	struct proc_status st = { 0 };
	pid_t tracer;

	if (proc < 0 || proc_status_read(proc, 0, &d->buf, &st) < 0)
		return task_fail_at(fail(err, "ptrace seize of thread %d", (int)tid), t);
	memcpy(t->comm, st.comm, sizeof(t->comm));
	tracer = st.tracer_pid;
	proc_status_done(&st);
	if (tracer)
		return task_fail_at(stuck_traced(d, tracer), t);
	err = task_fail_at(fail(err, "ptrace seize of thread %d", (int)tid), t);
	return err == -EPERM ? fail_hint(err, "run crtool as root") : err;
}

/* The kernel refuses zombies as it refuses those that are not ours: 1. So it does one that we
 * have seized, and that ends instead of stopping. A dead thread that is still there, or a zombie
 * that its parent cannot reap, is kept by its tracer. */
static int seize_dead(struct dump *d, struct task *t, pid_t tid)
{
	cleanup_close int proc = proc_open(t->pid);
	struct proc_status status = { 0 };
	struct proc_stat st;
	pid_t tracer;

	if (proc < 0 || proc_stat_read(proc, tid, &d->buf, &st) < 0)
		return 1;
	if (proc_status_read(proc, tid, &d->buf, &status) < 0)
		return 1;
	tracer = status.tracer_pid;
	proc_status_done(&status);
	if (tracer == getpid())
		return 1;
	if (st.state != 'Z' && st.state != 'X')
		return 0;
	if (!tracer)
		return 1;
	memcpy(t->comm, st.comm, sizeof(t->comm));
	return task_fail_at(fail_at(stuck_traced(d, tracer), "dead thread %d", (int)tid), t);
}

/*
 * A thread that executes another program takes the place and the number of the leader, which is a
 * zombie until then. One that has been seized before is ours under its new number, too.
 */
static int leader_seize_again(struct dump *d, pid_t pid)
{
	int r = -EPERM;

	for (int tries = 0; r == -EPERM && tries < SEIZE_TRIES; tries++) {
		cleanup_close int proc = proc_open(pid);
		cleanup_proc_status struct proc_status st = { 0 };

		if (proc < 0 || proc_status_read(proc, 0, &d->buf, &st) < 0 || st.state == 'Z' ||
		    st.state == 'X')
			return r;
		if (st.tracer_pid)
			return st.tracer_pid == getpid() ? 0 : r;
		r = tracee_seize(pid);
	}
	return r;
}

/*
 * A thread that the kernel has made for itself: a worker of io_uring, which goes and comes back
 * with its work. To interrupt it would be told to whoever has asked for that (EINTR).
 */
static bool is_worker(struct dump *d, const struct task *t, pid_t tid)
{
	cleanup_close int proc = proc_open(t->pid);
	struct proc_stat st;

	return proc >= 0 && proc_stat_read(proc, tid, &d->buf, &st) >= 0 &&
	       st.flags & (PROC_PF_IO_WORKER | PROC_PF_USER_WORKER);
}

/* 1: seized, 0: it is gone or a zombie, or the kernel's. */
static int thread_seize(struct dump *d, struct task *t, pid_t tid)
{
	bool no_code;
	struct asleep asleep = waiting_look(d, tid, &no_code);
	int r = -EPERM;

	if (no_code && tid != t->pid && is_worker(d, t, tid))
		return 0;

	/* A leader that was a zombie just now, and is not, has been replaced meanwhile. */
	for (int changes = 0; r == -EPERM && changes < LEADERS_MAX; changes++) {
		int dead;

		r = tracee_seize(tid);
		if (r == -EPERM && tid == t->pid)
			r = leader_seize_again(d, tid);
		dead = r == -EPERM ? seize_dead(d, t, tid) : 0;
		if (dead)
			return dead < 0 ? dead : 0;
	}
	if (r >= 0) {
		struct thread *th = task_add_thread(t, tid);

		th->seized = true;
		th->asleep = asleep;
		return 1;
	}
	return r == -ESRCH ? 0 : seize_refused(d, t, tid, -r);
}

/* Threads that are not seized yet: how many were, or negative. by_view: those that it had when all
 * were looked at. */
static int task_seize_threads(struct dump *d, struct task *t, bool by_view)
{
	cleanup_proc_pids struct proc_pids tids = { 0 };
	cleanup_close int proc = proc_open(t->pid);
	struct map ours = { 0 };
	int nr = 0, r = 0;

	if (proc < 0)
		return 0;
	if (by_view)
		taskview_call_threads(&d->view, t->pid, &tids);
	if (!tids.nr)
		r = proc_threads_read(proc, &tids);
	if (r == -ENOENT || r == -ESRCH)
		return 0;
	if (r < 0)
		return task_fail_at(fail(-r, "read /proc/%d/task", (int)t->pid), t);
	for (size_t i = 0; i < t->nr_threads; i++)
		map_put(&ours, (uint64_t)t->threads[i].tid, t);
	for (size_t i = 0; i < tids.nr && r >= 0; i++) {
		if (map_get(&ours, (uint64_t)tids.v[i]))
			continue;
		r = thread_seize(d, t, tids.v[i]);
		nr += r > 0;
	}
	map_done(&ours);
	return r < 0 ? r : nr;
}

static void task_drop_thread(struct task *t, size_t i)
{
	memmove(&t->threads[i], &t->threads[i + 1],
		(t->nr_threads - i - 1) * sizeof(t->threads[0]));
	t->nr_threads--;
}

/*
 * One that executes another program between being seized and being interrupted has a new number by
 * then, and is ours without having been told to stop. Whoever stands already is left alone: it
 * would stop a second time.
 */
static void thread_interrupt_again(struct dump *d, pid_t tid)
{
	cleanup_close int proc = proc_open(tid);
	struct proc_stat st;

	if (proc >= 0 && proc_stat_read(proc, 0, &d->buf, &st) >= 0 && st.state != 't')
		tracee_interrupt(tid);
}

/* How many threads ended instead of stopping. */
static int task_wait_threads(struct dump *d, struct task *t, size_t from)
{
	int gone = 0;

	for (size_t i = from; i < t->nr_threads;) {
		struct tracee_stop stop;
		int r = tracee_wait_interrupted(t->threads[i].tid, &stop);

		if (r == -EINTR) {
			r = session_interrupted(d->s);
			r = r < 0 ? stuck_fail_at(r, t->threads[i].tid)
				  : stuck_refuse(d, t->threads[i].tid);
			if (r < 0)
				return unread_fail_at(r, d, t);
			thread_interrupt_again(d, t->threads[i].tid);
			continue;
		}
		if (r == -ESRCH || r == -ECHILD) {
			task_drop_thread(t, i);
			gone++;
			continue;
		}
		if (r < 0)
			return task_fail_at(
			    fail(-r, "wait for thread %d to stop", (int)t->threads[i].tid), t);
		if (stop.event == TRACEE_GROUP_STOP) {
			t->kind = TASK_STOPPED;
			t->stop_sig = stop.sig;
		}
		i++;
	}
	return gone;
}

/* One that was not seized yet may have executed another program meanwhile: this ends the others,
 * and its own number is the leader's now. How many are gone. */
static int task_drop_replaced(struct task *t)
{
	uint64_t mask;
	int gone = 0;

	for (size_t i = t->nr_threads; i-- > 0;) {
		if (tracee_get_sigmask(t->threads[i].tid, &mask) != -ESRCH)
			continue;
		task_drop_thread(t, i);
		gone++;
	}
	return gone;
}

/* A thread that takes the leader's place may have been met after others that the new leader has
 * made. */
static void leader_first(struct task *t)
{
	struct thread *leader = task_find_thread(t, t->pid), first;

	if (!leader || leader == t->threads)
		return;
	first = t->threads[0];
	t->threads[0] = *leader;
	*leader = first;
}

/* It stands, and there is nobody beside it. */
static bool is_alone(const struct dump *d, const struct task *t, size_t waited)
{
	const struct view_kin *kin = waited == 1 ? taskview_kin(&d->view, t->pid) : NULL;

	return kin && kin->is_alone && t->threads[0].tid == t->pid;
}

/*
 * How many threads it has beside those that stand: 0 when there is none, and none has executed
 * another program, for then the leader would not be ours any more. A dead leader counts.
 */
static size_t threads_left(struct dump *d, const struct task *t)
{
	cleanup_close int proc = proc_open(t->pid);
	struct proc_stat st;
	uint64_t mask;

	if (proc < 0 || proc_stat_read(proc, 0, &d->buf, &st) < 0)
		return 1;
	if ((size_t)st.num_threads > t->nr_threads)
		return (size_t)st.num_threads - t->nr_threads;
	return (size_t)st.num_threads < t->nr_threads || tracee_get_sigmask(t->pid, &mask) < 0;
}

/* The leader must be first: threads of a dead one are kept from a dump later. The first of the
 * threads have been waited for. */
static int task_settle(struct dump *d, struct task *t, size_t waited)
{
	bool alone = is_alone(d, t, waited), is_first = true;
	int gone = 0, nr;

	do {
		int r = task_wait_threads(d, t, waited);
		size_t left;

		if (r < 0)
			return r;
		gone += r;
		waited = t->nr_threads;
		left = alone ? 0 : threads_left(d, t);
		nr = left ? task_seize_threads(d, t, is_first && left >= MANY_KIN) : 0;
		is_first = false;
		if (nr < 0)
			return nr;
		/* None is new, and all are still ours: nobody is left who could make one. */
		if (!nr && (left || alone)) {
			nr = task_drop_replaced(t);
			gone += nr;
			waited -= (size_t)nr;
		}
	} while (nr > 0);
	leader_first(t);
	if (!t->nr_threads)
		t->kind = TASK_ZOMBIE;
	task_advance(t, TASK_SEIZED);
	return gone;
}

/* Where they are many, one look at all tells most that there is nothing to be read of them. Of no
 * use any more when somebody of them has run. */
static void kin_look(struct dump *d, size_t nr)
{
	d->view.nr_kin = 0;
	if (d->view_is_open && nr >= MANY_KIN)
		taskview_read_kin(&d->view);
}

static bool may_have_children(const struct dump *d, const struct thread *th)
{
	const struct view_kin *kin = taskview_kin(&d->view, th->tid);

	return !kin || kin->has_children;
}

/* A child is in the list of the thread that made it, or of another when that has ended. */
struct family {
	struct task_thread *parents;
	struct proc_pids *children; /* of each */
	size_t nr, cap;
	struct proc_buf buf[PARALLEL_WORKERS_MAX];
};

static int children_read(void *ctx, size_t i, unsigned int worker)
{
	struct family *f = ctx;
	pid_t tid = f->parents[i].thread->tid;
	cleanup_close int proc = proc_open(f->parents[i].task->pid);
	int r = proc < 0 ? proc : proc_children_read(proc, tid, &f->buf[worker], &f->children[i]);

	if (r == -ESRCH || (r == -ENOENT && (proc < 0 || faccessat(proc, "stat", F_OK, 0) < 0)))
		return 0;
	if (r < 0)
		return fail_hint(fail(-r, "read the children of thread %d", (int)tid),
				 "this needs a kernel with CONFIG_PROC_CHILDREN");
	return 0;
}

static void task_meet(struct dump *d, pid_t pid, struct task *parent)
{
	if (!map_get(&d->known, (uint64_t)pid))
		map_put(&d->known, (uint64_t)pid, tree_add(&d->tree, pid, parent));
}

static void children_add(struct dump *d, const struct family *f)
{
	for (size_t i = 0; i < f->nr; i++)
		for (size_t j = 0; j < f->children[i].nr; j++)
			task_meet(d, f->children[i].v[j], f->parents[i].task);
}

/*
 * Children of tasks from `from` to `to` that the tree does not have yet. One may be met twice:
 * its parent dies, and it is a child of another whose list is read later. is_seen: the last look at
 * all came when they stood, and nobody was beside them.
 */
static int find_children(struct dump *d, size_t from, size_t to, bool is_seen)
{
	struct family f = { .nr = 0 };
	size_t nr = 0;
	int r;

	for (size_t i = from; i < to; i++)
		nr += d->tree.tasks[i]->nr_threads;
	if (!is_seen)
		kin_look(d, nr);
	for (size_t i = from; i < to; i++) {
		struct task *t = d->tree.tasks[i];

		for (size_t j = 0; j < t->nr_threads; j++)
			if (may_have_children(d, &t->threads[j]))
				*array_push(f.parents, f.nr, f.cap) =
				    (struct task_thread){ t, &t->threads[j] };
	}
	f.children = mem_alloc((f.nr + 1) * sizeof(*f.children));
	r = parallel_for(f.nr, children_read, &f);
	if (r >= 0)
		children_add(d, &f);
	for (size_t i = 0; i < f.nr; i++)
		proc_pids_done(&f.children[i]);
	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++)
		proc_buf_done(&f.buf[i]);
	free(f.children);
	free(f.parents);
	return r;
}

static int leaders_wait(struct dump *d, size_t from, size_t to, int *dead)
{
	for (size_t i = from; i < to; i++) {
		int r = task_wait_threads(d, d->tree.tasks[i], 0);

		if (r < 0)
			return r;
		*dead += r > 0;
	}
	kin_look(d, to - from);
	return 0;
}

/* Seize and settle all tasks from `from` on; returns how many died or were dead. ret_seen: see
 * find_children(). */
static int generation_stop(struct dump *d, size_t from, size_t to, bool *ret_seen)
{
	int dead = 0, r;

	/* Leaders first: most have no other thread, and the list is read when they stand still. */
	for (size_t i = from; i < to; i++) {
		r = thread_seize(d, d->tree.tasks[i], d->tree.tasks[i]->pid);
		if (r < 0)
			return r;
	}
	*ret_seen = to - from >= MANY_KIN;
	r = *ret_seen ? leaders_wait(d, from, to, &dead) : 0;
	if (r < 0)
		return r;
	for (size_t i = from; i < to; i++) {
		struct task *t = d->tree.tasks[i];

		*ret_seen = *ret_seen && is_alone(d, t, t->nr_threads);
		r = task_settle(d, t, to - from >= MANY_KIN ? t->nr_threads : 0);
		if (r < 0)
			return r;
		dead += r > 0 || d->tree.tasks[i]->kind == TASK_ZOMBIE;
	}
	return dead;
}

static int descend(struct dump *d, size_t from, int *dead)
{
	while (from < d->tree.nr) {
		size_t to = d->tree.nr;
		bool is_seen;
		int r = generation_stop(d, from, to, &is_seen);

		if (r < 0)
			return r;
		*dead += r;
		r = find_children(d, from, to, is_seen);
		if (r < 0)
			return r;
		from = to;
	}
	return 0;
}

/* Children that nobody waits for, since their parent ignores SIGCHLD: they leave no zombie. */
static void forget_gone(struct dump *d)
{
	for (size_t i = d->tree.nr; i-- > 1;) {
		struct task *t = d->tree.tasks[i], *other;

		if (t->kind != TASK_ZOMBIE || kill(t->pid, 0) == 0 || errno != ESRCH)
			continue;
		/* The parent it gave its children to is read with the rest of them. */
		tasks_for_each(other, &d->tree) {
			if (other->parent == t)
				other->parent = d->tree.tasks[0];
		}
		tree_remove(&d->tree, i);
	}
}

int freeze_tree(struct dump *d)
{
	uint64_t start;
	int dead = 0, r;

	if (d->view_is_open)
		taskview_read_calls(&d->view); /* or each is looked at by itself */
	start = clock_us();
	session_timeout(d->s->opts->timeout);
	d->frozen_at_us = start;
	task_meet(d, d->s->opts->tree, NULL);
	r = descend(d, 0, &dead);
	while (r >= 0 && dead) {
		size_t had = d->tree.nr;

		dead = 0;
		r = find_children(d, 0, had, false);
		if (r >= 0)
			r = descend(d, had, &dead);
		if (d->tree.nr == had)
			break;
	}
	session_timeout(0);
	if (r < 0)
		return r;
	if (d->tree.tasks[0]->kind == TASK_ZOMBIE)
		return fail_plain("pid %d has ended", (int)d->tree.tasks[0]->pid);
	forget_gone(d);
	d->s->stats.freezing_us = clock_us() - start;
	log_info("froze %zu tasks in %u us", d->tree.nr, (unsigned)d->s->stats.freezing_us);
	return 0;
}

static void thread_let_go(const struct task *t, struct thread *th)
{
	if (th->seized && tracee_detach(th->tid) < 0)
		log_warn("pid %d: thread %d is gone", (int)t->pid, (int)th->tid);
	th->seized = false;
}

void thaw_tree(struct dump *d)
{
	struct task *t;

	tasks_for_each(t, &d->tree) {
		for (size_t i = 0; i < t->nr_threads; i++)
			thread_let_go(t, &t->threads[i]);
		if (t->life < TASK_GONE)
			t->life = TASK_GONE;
	}
}

/* errno is crtool's, which stands still meanwhile: nothing of it may change. */
static int executioner(void *arg)
{
	const struct tree *tree = arg;

	setsid();
	/* Children first: nobody is reparented, or told of a death, while still to be killed. */
	for (size_t i = tree->nr; i-- > 0;)
		if (tree->tasks[i]->kind != TASK_ZOMBIE)
			kill(tree->tasks[i]->pid, SIGKILL);
	return 0;
}

/*
 * The tree is in the images now: all of it goes or, without a process for that, none. The
 * executioner is not of crtool's process or group, and goes on should crtool be killed.
 */
static int tree_kill(struct dump *d)
{
	uint8_t stack[16384] __attribute__((aligned(16)));
	int pid = clone(executioner, stack + sizeof(stack), CLONE_VM | CLONE_VFORK, &d->tree);

	if (pid < 0)
		return fail_hint(fail(errno, "make a process that kills the tree"),
				 "the dump is complete, and the tree runs on");
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return 0;
}

/* A tracer is told of the death of each thread, of the leader's last, and only then may the
 * parent reap. */
static void task_reap(struct task *t)
{
	for (size_t i = t->nr_threads; i-- > 0;) {
		pid_t tid = t->threads[i].tid;

		while (waitpid(tid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
}

int release_tree(struct dump *d)
{
	struct task *t;
	int r;

	if (d->s->opts->end == END_STOPPED)
		tasks_for_each(t, &d->tree)
			if (t->kind == TASK_ALIVE)
				kill(t->pid, SIGSTOP);
	if (d->s->opts->end != END_KILL) {
		thaw_tree(d);
		return 0;
	}
	r = tree_kill(d);
	if (r < 0)
		return r;
	for (size_t i = d->tree.nr; i-- > 0;) {
		task_reap(d->tree.tasks[i]);
		d->tree.tasks[i]->life = TASK_GONE;
	}
	return 0;
}
