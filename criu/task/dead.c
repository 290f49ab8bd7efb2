// SPDX-License-Identifier: GPL-2.0-only
/*
 * A zombie has a status for wait(2), and until then ps(1) and /proc show what it had but for
 * memory and files: limits, credentials, scheduling, signals. The process that is to become it
 * takes all of that, and ends in the same way: by its own signal, or with its code.
 */
#include "criu/task/dead.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/core/program.h"
#include "criu/task/core.h"
#include "criu/task/creds.h"
#include "criu/task/program.h"
#include "criu/task/sched.h"
#include "criu/task/signals.h"

#define NSIG_KERNEL  64
#define ROOM         (64 * 1024)
#define ROOM_GROUP   4
#define CAUGHT       2ull /* a handler that is gone with the memory that it was in */
#define SIGINFO_SIZE 128

static int deadly_signal(const struct task *t)
{
	return t->exit_code & 0x7f;
}

static uint64_t bit_of(int sig)
{
	return sig ? 1ull << (sig - 1) : 0;
}

/* --- dump ---------------------------------------------------------------------------- */

int dead_read(const struct dump *d, struct task *t, int proc, struct proc_buf *b)
{
	int r;

	t->dead = mem_alloc(sizeof(*t->dead));
	t->dead->tid = t->pid;
	r = proc_status_read(proc, 0, b, &t->dead->status);
	if (r >= 0)
		r = proc_limits_read(proc, b, &t->limits);
	if (r < 0)
		return fail(-r, "read what is left of it");
	return sched_read(d, t->dead);
}

/* All that is known of a pending signal is its number. */
static SignalQueueEntry *pending_dump(struct arena *a, uint64_t mask)
{
	SignalQueueEntry *e = arena_message(a, SignalQueueEntry, SIGNAL_QUEUE_ENTRY__INIT);

	e->signals = arena_array(a, SiginfoEntry *, NSIG_KERNEL);
	for (int sig = 1; sig <= NSIG_KERNEL; sig++) {
		const uint32_t info[SIGINFO_SIZE / 4] = { (uint32_t)sig };
		SiginfoEntry *s;

		if (!(mask & bit_of(sig)) || sig == SIGKILL || sig == SIGSTOP)
			continue;
		s = arena_message(a, SiginfoEntry, SIGINFO_ENTRY__INIT);
		s->siginfo.len = sizeof(info);
		s->siginfo.data = arena_dup(a, info, sizeof(info));
		e->signals[e->n_signals++] = s;
	}
	return e;
}

static void actions_dump(struct arena *a, const struct proc_status *s, TaskCoreEntry *e)
{
	e->sigactions = arena_array(a, SaEntry *, NSIG_KERNEL);
	for (int sig = 1; sig <= NSIG_KERNEL; sig++) {
		SaEntry *sa;

		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		sa = arena_message(a, SaEntry, SA_ENTRY__INIT);
		if (s->sig_ign & bit_of(sig))
			sa->sigaction = (uint64_t)(uintptr_t)SIG_IGN;
		else if (s->sig_cgt & bit_of(sig))
			sa->sigaction = CAUGHT;
		e->sigactions[e->n_sigactions++] = sa;
	}
}

void dead_dump(struct arena *a, const struct task *t, CoreEntry *core)
{
	const struct proc_status *s = &t->dead->status;
	ThreadCoreEntry *e = arena_message(a, ThreadCoreEntry, THREAD_CORE_ENTRY__INIT);

	e->comm = arena_strdup(a, t->comm);
	e->creds = creds_dump(a, t->dead);
	sched_dump(a, t->dead, e);
	e->signals_p = pending_dump(a, s->sig_pnd);
	core->thread_core = e;
	core->tc->blk_sigset = s->sig_blk;
	core->tc->rlimits = rlimits_dump(a, &t->limits);
	core->tc->signals_s = pending_dump(a, s->shd_pnd);
	actions_dump(a, s, core->tc);
}

/* --- restore --------------------------------------------------------------------------- */

int dead_load_check(const CoreEntry *core)
{
	int r = signals_load_check(core);

	if (r >= 0 && core->thread_core)
		r = sched_load_check(core->thread_core);
	if (r >= 0 && core->thread_core && core->thread_core->creds)
		r = creds_load_check(core->thread_core->creds);
	return r;
}

static void handler(int sig)
{
	(void)sig;
}

/* With the way back from a handler that the C library has: should one more signal come. */
static void actions_set(const TaskCoreEntry *tc, int deadly)
{
	struct {
		uint64_t handler, flags, restorer, mask;
	} action;
	size_t i = 0;

	signal(SIGUSR1, handler);
	syscall(SYS_rt_sigaction, SIGUSR1, NULL, &action, 8);
	for (int sig = 1; sig <= NSIG_KERNEL && i < tc->n_sigactions; sig++) {
		uint64_t was;

		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		was = tc->sigactions[i++]->sigaction;
		action.handler = was <= (uint64_t)(uintptr_t)SIG_IGN ? was : (uintptr_t)handler;
		if (sig == deadly)
			action.handler = (uintptr_t)SIG_DFL;
		syscall(SYS_rt_sigaction, sig, &action, NULL, 8);
	}
}

static bool has_signal(const SignalQueueEntry *q, int wanted)
{
	for (size_t i = 0; q && i < q->n_signals; i++) {
		uint32_t sig;

		memcpy(&sig, q->signals[i]->siginfo.data, sizeof(sig));
		if (sig == (uint32_t)wanted)
			return true;
	}
	return false;
}

/* Those that it had blocked: they are still pending when it ends. */
static void pending_set(const CoreEntry *core, uint64_t blocked)
{
	const ThreadCoreEntry *th = core->thread_core;

	for (int sig = 1; sig <= NSIG_KERNEL; sig++) {
		if (!(blocked & bit_of(sig)))
			continue;
		if (has_signal(core->tc->signals_s, sig))
			syscall(SYS_kill, getpid(), sig);
		if (th && has_signal(th->signals_p, sig))
			syscall(SYS_tgkill, getpid(), getpid(), sig);
	}
}

/* Limits, scheduling, credentials: system calls that a living task makes in the restorer. */
static int looks_set(const struct restore *r, const CoreEntry *core)
{
	const ThreadCoreEntry *th = core->thread_core;
	size_t groups = th && th->creds ? th->creds->n_groups : 0;
	size_t room = ROOM + groups * ROOM_GROUP;
	cleanup_free void *base = mem_alloc(room);
	struct program p;

	program_init(&p, base, room);
	rlimits_restore(&p, r, core->tc->rlimits);
	if (th) {
		sched_restore(&p, r, th);
		if (th->creds)
			creds_restore(&p, th->creds);
	}
	program_end(&p);
	return program_run(&p);
}

static void end(const struct task *t, uint64_t mask) __attribute__((noreturn));

static void end(const struct task *t, uint64_t mask)
{
	const CoreEntry *core = t->restore->cores[0];
	int sig = deadly_signal(t);

	bool own = core->thread_core && has_signal(core->thread_core->signals_p, sig);

	/* No core file: there is nothing in it that anybody would want to see. */
	prctl(PR_SET_DUMPABLE, 0);
	/* What kills at once stays pending; what was blocked before is taken out of the queue. */
	if (sig && sig != SIGKILL && !own && !has_signal(core->tc->signals_s, sig))
		kill(getpid(), sig);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	if (own)
		syscall(SYS_tgkill, getpid(), getpid(), sig);
	if (sig)
		kill(getpid(), sig);
	_exit(t->exit_code >> 8 & 0xff);
}

int dead_become(const struct restore *r, const struct task *t)
{
	const CoreEntry *core = t->restore->cores[0];
	uint64_t mask = core->tc->blk_sigset & ~bit_of(deadly_signal(t));
	int err;

	prctl(PR_SET_NAME, t->comm);
	actions_set(core->tc, deadly_signal(t));
	pending_set(core, mask);
	err = looks_set(r, core);
	if (err < 0)
		return err;
	end(t, mask);
}

bool dead_can_end_as(int exit_code)
{
	int sig = exit_code & 0x7f;

	return !(exit_code & ~0xffff) && sig <= NSIG_KERNEL && !(sig && exit_code >> 8) &&
	       (sig < SIGCHLD || sig > SIGTTOU) && sig != SIGURG && sig != SIGWINCH;
}

void dead_end_as(int exit_code)
{
	const uint64_t action[4] = { (uint64_t)(uintptr_t)SIG_DFL }, none = 0;
	int sig = exit_code & 0x7f;

	prctl(PR_SET_DUMPABLE, 0);
	if (sig) {
		syscall(SYS_rt_sigaction, sig, action, NULL, sizeof(none));
		kill(getpid(), sig);
		syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
	}
	_exit(exit_code >> 8 & 0xff);
}
