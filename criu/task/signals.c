// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals. Dispositions are asked from inside (rt_sigaction), masks come with the
 * registers, queues are peeked at by ptrace, which takes nothing out of them.
 *
 * On the way back dispositions come first, while everything is blocked, then the queues:
 * rt_sigqueueinfo(2) to oneself takes any siginfo as it is. Nothing is delivered
 * before the masks return with the registers.
 */
#include "criu/task/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/ia32.h"

#define SIGINFO_BYTES 128
#define PEEK_AT_ONCE  64
#define SIGACTIONS    (PARASITE_NSIG - 2)

static bool sig_is_fixed(int sig)
{
	return sig == SIGKILL || sig == SIGSTOP;
}

void sigactions_dump(struct arena *a, const struct task *t, TaskCoreEntry *e)
{
	e->sigactions = arena_array(a, SaEntry *, SIGACTIONS);
	for (int sig = 1; sig <= PARASITE_NSIG; sig++) {
		const struct parasite_sigaction *from = &t->inner->sa[sig - 1];
		SaEntry *sa;

		if (sig_is_fixed(sig))
			continue;
		sa = arena_message(a, SaEntry, SA_ENTRY__INIT);
		sa->sigaction = from->handler;
		sa->flags = from->flags;
		sa->restorer = from->restorer;
		sa->mask = from->mask;
		sa->has_compat_sigaction = true;
		sa->compat_sigaction = t->abi == TASK_ABI_32;
		e->sigactions[e->n_sigactions++] = sa;
	}
}

int sigqueue_read(struct arena *a, const struct thread *th, bool shared, SignalQueueEntry **ret)
{
	SignalQueueEntry *e = arena_message(a, SignalQueueEntry, SIGNAL_QUEUE_ENTRY__INIT);
	siginfo_t infos[PEEK_AT_ONCE];
	size_t cap = 0;
	int nr;

	*ret = e;
	while ((nr = tracee_peek_siginfo(th->tid, shared, e->n_signals, infos, PEEK_AT_ONCE)) > 0) {
		if (e->n_signals + (size_t)nr > cap) {
			SiginfoEntry **had = e->signals;

			cap = (cap + PEEK_AT_ONCE) * 2;
			e->signals = arena_array(a, SiginfoEntry *, cap);
			if (e->n_signals)
				memcpy(e->signals, had, e->n_signals * sizeof(*had));
		}
		for (int i = 0; i < nr; i++) {
			SiginfoEntry *s = arena_message(a, SiginfoEntry, SIGINFO_ENTRY__INIT);

			s->siginfo.len = SIGINFO_BYTES;
			s->siginfo.data = arena_dup(a, &infos[i], SIGINFO_BYTES);
			e->signals[e->n_signals++] = s;
		}
	}
	return nr < 0 ? fail(-nr, "peek at pending signals") : 0;
}

int sigqueue_dump(struct arena *a, const struct thread *th, bool shared, SignalQueueEntry **ret)
{
	/* Most threads have nothing pending, and their status says so. */
	if (shared ? th->status.shd_pnd : th->status.sig_pnd)
		return sigqueue_read(a, th, shared, ret);
	*ret = arena_message(a, SignalQueueEntry, SIGNAL_QUEUE_ENTRY__INIT);
	return 0;
}

static int sigqueue_check(const SignalQueueEntry *q)
{
	for (size_t i = 0; q && i < q->n_signals; i++) {
		const ProtobufCBinaryData *s = &q->signals[i]->siginfo;
		uint32_t sig;

		if (s->len != SIGINFO_BYTES)
			return fail_plain("pending signal %zu: %zu bytes of siginfo instead of %d",
					  i, s->len, SIGINFO_BYTES);
		memcpy(&sig, s->data, sizeof(sig));
		if (sig < 1 || sig > PARASITE_NSIG || sig_is_fixed((int)sig))
			return fail_plain("pending signal %zu: no signal has number %u", i, sig);
	}
	return 0;
}

int signals_load_check(const CoreEntry *core)
{
	int r = 0;

	if (core->tc && core->tc->n_sigactions != SIGACTIONS && core->tc->n_sigactions)
		return fail_plain("%zu signal dispositions instead of %d", core->tc->n_sigactions,
				  SIGACTIONS);
	if (core->tc)
		r = sigqueue_check(core->tc->signals_s);
	if (r >= 0 && core->thread_core)
		r = sigqueue_check(core->thread_core->signals_p);
	return r;
}

/* By a call of the kind that has set it: the kernel keeps which, for the frame. */
static void sigaction_restore(struct program *p, int sig, const SaEntry *sa, bool is_32bit)
{
	const struct parasite_sigaction to = { sa->sigaction, sa->flags, sa->restorer, sa->mask };
	const struct {
		uint32_t handler, flags, restorer, mask[2];
	} to32 = { (uint32_t)sa->sigaction,
		   (uint32_t)sa->flags,
		   (uint32_t)sa->restorer,
		   { (uint32_t)sa->mask, (uint32_t)(sa->mask >> 32) } };

	if (is_32bit)
		PROGRAM_SYSCALL(p, OP_WHAT_SIGNAL, IA32_NR_RT_SIGACTION, (uint64_t)sig,
				program_copy(p, &to32, sizeof(to32)), 0, 8)
		    ->kind = OP_SYSCALL32;
	else
		PROGRAM_SYSCALL(p, OP_WHAT_SIGNAL, SYS_rt_sigaction, (uint64_t)sig,
				program_copy(p, &to, sizeof(to)), 0, 8);
}

void sigactions_restore(struct program *p, const TaskCoreEntry *e, bool is_32bit)
{
	size_t i = 0;

	for (int sig = 1; sig <= PARASITE_NSIG && i < e->n_sigactions; sig++) {
		const SaEntry *sa;

		if (sig_is_fixed(sig))
			continue;
		sa = e->sigactions[i++];
		/* Everything is at its default when a task begins. */
		if (sa->sigaction || sa->flags || sa->mask)
			sigaction_restore(p, sig, sa, is_32bit && sa->compat_sigaction);
	}
}

void sigqueue_restore(struct program *p, const SignalQueueEntry *e, pid_t tid)
{
	struct op *op;
	uint8_t *infos;

	if (!e || !e->n_signals)
		return;
	infos = program_data(p, e->n_signals * SIGINFO_BYTES);
	for (size_t i = 0; i < e->n_signals; i++)
		memcpy(infos + i * SIGINFO_BYTES, e->signals[i]->siginfo.data, SIGINFO_BYTES);
	op = program_op(p, OP_SIGQUEUE, OP_WHAT_SIGNAL);
	op->arg[0] = (uint64_t)(uintptr_t)infos;
	op->arg[1] = e->n_signals;
	op->arg[2] = (uint64_t)tid;
}
