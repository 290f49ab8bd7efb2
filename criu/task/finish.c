// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers are set from outside: no signal frame, no code of ours is left in the task, and
 * the kernel decides itself about the restart of the system call that was
 * interrupted, as it would have without us.
 */
#include "criu/task/finish.h"

#include <asm/ldt.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compel/remote.h"
#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/kernel/proc.h"
#include "criu/task/dispatch.h"
#include "criu/task/regs.h"
#include "criu/task/restart.h"

#define STOP_TELL_SECONDS 1 /* at most, until the parent of a stopped task is told of it */

/* Which of its threads live on. */
static size_t first_thread(const struct task *t)
{
	return t->leader_ended ? 1 : 0;
}

/* The one that does what is to be done for the process. */
static const struct thread *living(const struct task *t)
{
	return &t->threads[first_thread(t)];
}

int trace_tasks(struct restore *r)
{
	struct task *t;

	tasks_for_each(t, &r->tree) {
		for (size_t i = 0; i < t->nr_threads; i++) {
			bool suspend = t->restore->seccomp != NULL;
			bool first = i == first_thread(t); /* kills all of them */
			int err = tracee_attach(t->threads[i].tid, first, suspend);

			if (err == -EPERM && suspend)
				return fail_hint(
				    task_fail_at(fail(EPERM, "ptrace thread %d, suspending seccomp",
						      (int)t->threads[i].tid),
						 t),
				    "run crtool as root, and outside of seccomp");
			if (err < 0)
				return task_fail_at(
				    fail(-err, "ptrace thread %d", (int)t->threads[i].tid), t);
			t->threads[i].seized = true;
		}
	}
	return 0;
}

static uint64_t thread_mask(const struct task *t, size_t i)
{
	const CoreEntry *core = t->restore->cores[i];

	return i ? core->thread_core->blk_sigset : core->tc->blk_sigset;
}

static int thread_set(struct restore *r, const struct task *t, size_t i)
{
	const CoreEntry *core = t->restore->cores[i];
	const ThreadCoreEntry *tc = core->thread_core;
	struct thread *th = &t->threads[i];
	struct user_desc tls[THREAD_TLS_ENTRIES];
	size_t nr;
	int err;

	regs_load_gp(core->thread_info, tc->has_restart ? tc->restart : 0, &th->regs.gp);
	regs_load_xstate(core->thread_info, r->xstate);
	err = restart_prepare(r, th, core);
	nr = regs_load_tls(core->thread_info, tls, ARRAY_SIZE(tls));
	for (size_t j = 0; j < nr && err >= 0; j++)
		err = tracee_set_tls(th->tid, &tls[j]);
	if (err >= 0)
		err = tracee_set_xstate(th->tid, r->xstate, (uint32_t)regs_xstate_len());
	if (err >= 0 && i > first_thread(t))
		err = tracee_set_sigmask(th->tid, thread_mask(t, i));
	if (err >= 0 && i > first_thread(t))
		err = tracee_set_gp(th->tid, &th->regs.gp);
	if (err >= 0 && i > first_thread(t))
		err = dispatch_restore(th->tid, tc);
	return err < 0 ? fail_at(fail(-err, "set registers"), "thread %d", (int)th->tid) : 0;
}

/* Until a thread is in the state that stat has such a letter for. */
static int thread_wait_state(struct restore *r, const struct task *t, pid_t tid, char state)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int proc = proc_open(t->pid);
	struct proc_stat st;

	for (;;) {
		int err = proc < 0 ? proc : proc_stat_read(proc, tid, &b, &st);

		if (err < 0)
			return fail(-err, "read stat of thread %d", (int)tid);
		if (st.state == state)
			return 0;
		if (st.state == 'Z' || st.state == 'X')
			return fail_plain("thread %d has ended", (int)tid);
		err = session_interrupted(r->s);
		if (err < 0)
			return err;
		poll(NULL, 0, 1);
	}
}

/* A main thread that had ended ends again, by a call in the restorer, which therefore is still
 * there. The others still die with crtool. */
static int leader_end(struct restore *r, const struct task *t)
{
	int err = tracee_exit(t->pid, restart_syscall_insn(r), t->leader_exit_code >> 8 & 0xff,
			      t->restore->seccomp != NULL);

	return err < 0 ? fail(-err, "end the main thread")
		       : thread_wait_state(r, t, t->pid, 'Z');
}

/* The last one unmaps the hole: with it goes what the others stood on. Until that is done all its
 * signals stay blocked: one that is pending would be taken out of the queue, and lost. */
static int task_set_begin(struct restore *r, const struct task *t)
{
	const struct thread *last = living(t);
	int err = 0;

	for (size_t i = t->nr_threads; i-- > first_thread(t) && err >= 0;)
		err = thread_set(r, t, i);
	if (err >= 0 && t->leader_ended)
		err = leader_end(r, t);
	if (err < 0)
		return err;
	err = tracee_syscall_begin(last->tid, restart_syscall_insn(r), SYS_munmap,
				   (const uint64_t[6]){ r->hole, r->hole_len });
	return err < 0 ? fail(-err, "unmap the restorer") : 0;
}

static int task_set_enter(struct restore *r, const struct task *t)
{
	int err = tracee_syscall_enter(living(t)->tid);

	(void)r;
	return err < 0 ? fail(-err, "unmap the restorer") : 0;
}

static int task_set_end(struct restore *r, const struct task *t)
{
	const struct thread *last = living(t);
	size_t at = first_thread(t);
	int64_t ret = 0;
	int err = tracee_syscall_end(last->tid, &ret);

	(void)r;
	if (err < 0 || ret < 0)
		return fail(err < 0 ? -err : (int)-ret, "unmap the restorer");
	err = tracee_set_sigmask(last->tid, thread_mask(t, at));
	if (err >= 0)
		err = tracee_set_gp(last->tid, &last->regs.gp);
	if (err >= 0)
		err = dispatch_restore(last->tid, t->restore->cores[at]->thread_core);
	return err < 0 ? fail(-err, "set registers") : 0;
}

static int threads_stop(struct restore *r)
{
	struct tracee_stop stop;
	struct task *t;

	tasks_for_each(t, &r->tree)
		for (size_t i = 0; i < t->nr_threads; i++)
			if (tracee_interrupt(t->threads[i].tid) < 0)
				return task_fail_at(fail(errno, "ptrace interrupt"), t);
	tasks_for_each(t, &r->tree) {
		for (size_t i = 0; i < t->nr_threads; i++) {
			int err;

			do
				err = tracee_wait_interrupted(t->threads[i].tid, &stop);
			while (err == -EINTR && session_interrupted(r->s) >= 0);
			if (err < 0)
				return task_fail_at(fail(-err, "wait for thread %d to stop",
							 (int)t->threads[i].tid),
						    t);
		}
	}
	return 0;
}

/* SIGSTOP always stops; the others only where nothing is made of them. */
static int stop_signal(const struct task *t)
{
	const TaskCoreEntry *tc = t->restore->cores[0]->tc;
	size_t at = (size_t)t->stop_sig - 1;

	/* sigactions[] lacks SIGKILL and SIGSTOP; those that stop come after both. */
	if (t->stop_sig == SIGSTOP || tc->n_sigactions < at)
		return SIGSTOP;
	if (tc->blk_sigset & 1ull << at || tc->sigactions[at - 2]->sigaction)
		return SIGSTOP;
	return t->stop_sig;
}

/* With the last of its threads the process has stopped, and the parent can be told. */
static int wait_until_stopped(struct restore *r, const struct task *t)
{
	int err = 0;

	for (size_t i = first_thread(t); i < t->nr_threads && err >= 0; i++)
		err = thread_wait_state(r, t, t->threads[i].tid, 'T');
	return err;
}

/* Of the stop of a child: it comes a moment after the child is seen to have stopped. */
static bool sigchld_will_come(const TaskCoreEntry *parent)
{
	size_t at = SIGCHLD - 2; /* sigactions[] begins with signal 1 and lacks SIGKILL */

	if (parent->n_sigactions <= at)
		return true;
	return parent->sigactions[at]->sigaction != (uint64_t)(uintptr_t)SIG_IGN &&
	       !(parent->sigactions[at]->flags & SA_NOCLDSTOP);
}

static bool sigchld_is_pending(const SignalQueueEntry *q)
{
	for (size_t i = 0; q && i < q->n_signals; i++) {
		uint32_t sig;

		memcpy(&sig, q->signals[i]->siginfo.data, sizeof(sig));
		if (sig == SIGCHLD)
			return true;
	}
	return false;
}

/* What the stop has told the parent, which still stands in the restorer, is taken back, as far
 * as the parent had heard of it before. */
static int parent_knows(struct restore *r, const struct task *t)
{
	static const struct {
		uint64_t mask, sec, nsec;
	} sigchld = { 1ull << (SIGCHLD - 1), STOP_TELL_SECONDS, 0 };
	const struct task *p = t->parent;
	const TaskCoreEntry *parent = p->restore->cores[0]->tc;
	uint64_t insn = restart_syscall_insn(r), scratch = restart_scratch(r);
	int64_t ret;
	int err = 0;

	if (!t->exit_code)
		err = tracee_syscall(
		    p->pid, insn, SYS_wait4,
		    (const uint64_t[6]){ (uint64_t)t->pid, 0, WUNTRACED | WNOHANG }, &ret);
	if (err >= 0 && !sigchld_is_pending(parent->signals_s) && sigchld_will_come(parent)) {
		err = tracee_mem_write(p->pid, scratch, &sigchld, sizeof(sigchld));
		if (err >= 0)
			err =
			    tracee_syscall(p->pid, insn, SYS_rt_sigtimedwait,
					   (const uint64_t[6]){ scratch, 0, scratch + 8, 8 }, &ret);
	}
	return err < 0 ? fail(-err, "let pid %d hear of the stop", (int)p->pid) : 0;
}

/* It stops while its parent is still held, and does not run before. */
static int task_stop_again(struct restore *r, const struct task *t)
{
	int err;

	kill(t->pid, stop_signal(t));
	for (size_t i = first_thread(t); i < t->nr_threads; i++) {
		err = tracee_detach(t->threads[i].tid);
		if (err < 0)
			return fail(-err, "let go of thread %d", (int)t->threads[i].tid);
	}
	err = wait_until_stopped(r, t);
	return err < 0 ? err : parent_knows(r, t);
}

static bool is_stopped_child(const struct task *t)
{
	return t->kind == TASK_STOPPED && t->parent;
}

#define TASKS_AT_ONCE 32

typedef int task_part(struct restore *r, const struct task *t);

/* One part for some tasks, then the next: none is waited for while others could run. */
static int tasks_set(struct restore *r, struct task **t, size_t nr)
{
	static task_part *const parts[] = { task_set_begin, task_set_enter, task_set_end };

	for (size_t part = 0; part < ARRAY_SIZE(parts); part++) {
		for (size_t i = 0; i < nr; i++) {
			int err = parts[part](r, t[i]);

			if (err < 0)
				return task_fail_at(err, t[i]);
		}
	}
	for (size_t i = 0; i < nr; i++)
		task_advance(t[i], TASK_PARKED);
	return 0;
}

/* From the last: a child while its parent still stands in the restorer. */
static int stopped_children_set(struct restore *r)
{
	for (size_t i = r->tree.nr; i-- > 0;) {
		struct task *t = r->tree.tasks[i];
		int err = is_stopped_child(t) ? tasks_set(r, &t, 1) : 0;

		if (err >= 0 && is_stopped_child(t))
			err = task_fail_at(task_stop_again(r, t), t);
		if (err < 0)
			return err;
	}
	return 0;
}

int registers_set(struct restore *r)
{
	struct task *group[TASKS_AT_ONCE];
	size_t nr = 0;
	int err = threads_stop(r);

	r->xstate = arena_alloc(&r->arena, regs_xstate_len());
	if (err >= 0)
		err = stopped_children_set(r);
	for (size_t i = 0; i < r->tree.nr && err >= 0; i++) {
		struct task *t = r->tree.tasks[i];

		if (task_is_alive(t) && !is_stopped_child(t))
			group[nr++] = t;
		if (nr == TASKS_AT_ONCE || i + 1 == r->tree.nr) {
			err = tasks_set(r, group, nr);
			nr = 0;
		}
	}
	return err;
}

void tasks_outlive(struct restore *r)
{
	struct task *t;

	/* The root stops again, before anybody runs; the others have. */
	t = r->tree.tasks[0];
	if (t->kind == TASK_STOPPED)
		kill(t->pid, stop_signal(t));
	tasks_for_each(t, &r->tree)
		if (task_is_alive(t) && !is_stopped_child(t))
			tracee_outlive(living(t)->tid);
}

int resume_tasks(struct restore *r)
{
	struct task *t;

	tasks_for_each(t, &r->tree) {
		for (size_t i = first_thread(t); i < t->nr_threads && !is_stopped_child(t); i++)
			if (tracee_detach(t->threads[i].tid) < 0)
				log_warn("pid %d: detach thread %d: %s", (int)t->pid,
					 (int)t->threads[i].tid, strerror(errno));
		t->life = TASK_RUNNING;
	}
	return 0;
}
