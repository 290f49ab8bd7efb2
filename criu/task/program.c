// SPDX-License-Identifier: GPL-2.0-only
/*
 * A leader's list, after its memory: personality, threads, what the process has (dispositions,
 * timers), what it has as a thread; and then, with everybody traced by crtool, limits,
 * credentials and what they would reset or forbid. A thread's list is the
 * middle of it.
 */
#include "criu/task/program.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/kernel/ia32.h"
#include "criu/kernel/uapi.h"
#include "criu/task/attrs.h"
#include "criu/task/coresched.h"
#include "criu/task/creds.h"
#include "criu/task/modes.h"
#include "criu/task/sched.h"
#include "criu/task/seccomp.h"
#include "criu/task/signals.h"
#include "criu/task/timers.h"

#define OPS_PER_THREAD 220 /* each capability may take one */
#define THREAD_STACK   8192ul
#define THREAD_FLAGS                                                                               \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define COMM_BYTES  16
#define SS_ON_STACK 1

static size_t queue_room(const SignalQueueEntry *q)
{
	return q ? q->n_signals * 128 + 256 : 0;
}

static size_t late_room(const struct task_restore *tr)
{
	size_t nr = 0;

	for (size_t i = 0; i < tr->nr_slots; i++)
		nr += tr->slots[i].file->is_late;
	return nr * sizeof(struct op);
}

size_t task_program_room(const struct task *t)
{
	const struct task_restore *tr = t->restore;
	const TaskCoreEntry *tc = tr->cores[0]->tc;
	size_t room = 64 * 1024 + queue_room(tc->signals_s) + seccomp_room(t) +
		      tr->nr_locks * (sizeof(struct op) + sizeof(struct flock) + 16) +
		      tr->nr_notices * (sizeof(struct op) + sizeof(struct sigevent) + 64);

	room += late_room(tr);
	if (tc->timers)
		room += tc->timers->n_posix * (6 * sizeof(struct op) + 256);
	for (size_t i = 0; i < t->nr_threads; i++) {
		const ThreadCoreEntry *th = tr->cores[i]->thread_core;

		room += THREAD_STACK + OPS_PER_THREAD * sizeof(struct op) + 2048 +
			sizeof(uint64_t) + queue_room(th->signals_p);
		if (th->creds)
			room += th->creds->n_groups * 4;
	}
	return room;
}

/* The kernel takes less and returns it in part of the cases; the rest is as it was. */
static void sas_restore(struct program *p, const ThreadSasEntry *e)
{
	struct {
		uint64_t sp;
		uint32_t flags, pad;
		uint64_t size;
	} sas;

	if (!e)
		return;
	sas.sp = e->ss_sp;
	sas.flags = e->ss_flags & ~(uint32_t)SS_ON_STACK;
	sas.pad = 0;
	sas.size = e->ss_size;
	PROGRAM_SYSCALL(p, OP_WHAT_SAS, SYS_sigaltstack, program_copy(p, &sas, sizeof(sas)), 0);
}

static void name_restore(struct program *p, const char *comm)
{
	char name[COMM_BYTES] = { 0 };

	strncpy(name, comm, sizeof(name) - 1);
	PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_NAME,
			program_copy(p, name, sizeof(name)));
}

/* There is one of 32-bit code and one of 64-bit code. */
static void robust_list_restore(struct program *p, const struct task *t, const ThreadCoreEntry *e)
{
	if (!e->futex_rla_len)
		return;
	if (t->abi == TASK_ABI_32)
		PROGRAM_SYSCALL(p, OP_WHAT_THREAD, IA32_NR_SET_ROBUST_LIST, e->futex_rla,
				e->futex_rla_len)
		    ->kind = OP_SYSCALL32;
	else
		PROGRAM_SYSCALL(p, OP_WHAT_THREAD, SYS_set_robust_list, e->futex_rla,
				e->futex_rla_len);
}

static void thread_restore(struct program *p, const struct restore *r, const struct task *t,
			   const CoreEntry *core, pid_t tid, const char *comm)
{
	const ThreadCoreEntry *e = core->thread_core;
	const RseqEntry *rseq = e->rseq_entry;

	name_restore(p, comm);
	if (!core->thread_info) /* a main thread that is to end */
		return;
	sas_restore(p, e->sas);
	robust_list_restore(p, t, e);
	PROGRAM_SYSCALL(p, OP_WHAT_THREAD, SYS_set_tid_address, core->thread_info->clear_tid_addr);
	if (rseq && rseq->rseq_abi_pointer)
		PROGRAM_SYSCALL(p, OP_WHAT_RSEQ, SYS_rseq, rseq->rseq_abi_pointer,
				rseq->rseq_abi_size, 0, rseq->signature);
	attrs_restore(p, &r->inherited, e, tid != t->pid);
	sched_restore(p, r, e);
	modes_restore(p, &r->inherited, e);
	coresched_create(p, r, e, tid);
	sigqueue_restore(p, e->signals_p, tid);
}

static void stage_op(struct program *p, enum stage s, int crtool_pidfd)
{
	struct op *op = program_op(p, OP_STAGE, OP_WHAT_WAIT);

	op->arg[0] = s;
	op->arg[1] = (uint64_t)(int64_t)crtool_pidfd;
}

static bool needs_creds(const struct restore *r, const ThreadCoreEntry *e)
{
	return e->creds && !creds_are_inherited(&r->inherited, e->creds);
}

static void creds_ops(struct program *p, const struct restore *r, const ThreadCoreEntry *e)
{
	if (needs_creds(r, e))
		creds_restore(p, e->creds);
	if (e->has_pdeath_sig && e->pdeath_sig)
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_PDEATHSIG, e->pdeath_sig);
}

/* Has something to do when all are traced. A leader has: it looks after crtool until then. */
static bool is_late(const struct restore *r, const struct task *t, size_t i)
{
	const ThreadCoreEntry *e = t->restore->cores[i]->thread_core;

	return !i || t->restore->seccomp || e->core_cookie || e->pdeath_sig || needs_creds(r, e);
}

uint32_t task_programs_late(const struct restore *r)
{
	const struct task *t;
	uint32_t nr = 0;

	tasks_for_each(t, &r->tree)
		for (size_t i = 0; i < t->nr_threads; i++)
			nr += is_late(r, t, i);
	return nr;
}

static const char *thread_comm(const struct task *t, const CoreEntry *core)
{
	return core->thread_core->comm ? core->thread_core->comm : t->comm;
}

static uint64_t thread_list(struct program *p, const struct restore *r, const struct task *t,
			    size_t i, program_thread_fn *first)
{
	const CoreEntry *core = t->restore->cores[i];
	uint64_t list = program_list(p);

	first(p, r, t, t->threads[i].tid);
	thread_restore(p, r, t, core, t->threads[i].tid, thread_comm(t, core));
	if (is_late(r, t, i)) {
		stage_op(p, STAGE_CREDS, -1);
		coresched_share(p, r, core->thread_core, t->threads[i].tid);
		seccomp_restore_own(p, t, i);
		creds_ops(p, r, core->thread_core);
	}
	program_end(p);
	return list;
}

static void thread_clone(struct program *p, pid_t tid, uint64_t list)
{
	uint64_t stack = (uint64_t)(uintptr_t)program_data(p, THREAD_STACK);
	struct op *op = program_op(p, OP_CLONE, OP_WHAT_THREAD);

	op->arg[0] = THREAD_FLAGS;
	op->arg[1] = (uint64_t)tid;
	op->arg[2] = stack + THREAD_STACK;
	op->arg[3] = list;
}

/* Each is born to the timer slack that is to be its default. */
static void threads_clone(struct program *p, const struct task *t, const uint64_t *lists)
{
	uint64_t slack = 0; /* not known: the leader may have forked */

	for (size_t i = 1; i < t->nr_threads; i++) {
		uint64_t wanted = attrs_slack_default(t->restore->cores[i]->thread_core);

		if (wanted != slack)
			PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_TIMERSLACK, wanted);
		slack = wanted;
		thread_clone(p, t->threads[i].tid, lists[i]);
	}
}

/* A hard limit cannot be raised without CAP_SYS_RESOURCE: as far as it goes, then. */
void rlimits_restore(struct program *p, const struct restore *r, const TaskRlimitsEntry *e)
{
	for (size_t i = 0; e && i < e->n_rlimits && i < RLIM_NLIMITS; i++) {
		struct rlimit64 own = r->inherited.limits[i];
		struct rlimit64 want = { e->rlimits[i]->cur, e->rlimits[i]->max };

		if (want.rlim_max > own.rlim_max) {
			log_warn("resource limit %zu: the hard limit stays at %llu", i,
				 (unsigned long long)own.rlim_max);
			want.rlim_max = own.rlim_max;
			if (want.rlim_cur > want.rlim_max)
				want.rlim_cur = want.rlim_max;
		}
		if (want.rlim_cur != own.rlim_cur || want.rlim_max != own.rlim_max)
			PROGRAM_SYSCALL(p, OP_WHAT_RLIMIT, SYS_prlimit64, 0, i,
					program_copy(p, &want, sizeof(want)), 0);
	}
}

/* Each bit is the command that registers. */
static void membarrier_restore(struct program *p, const TaskCoreEntry *tc)
{
	uint32_t mask = tc->has_membarrier_registration_mask ? tc->membarrier_registration_mask : 0;

	for (uint32_t bit = 1; bit && mask; bit <<= 1)
		if (mask & bit)
			PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_membarrier, bit, 0, 0);
}

static void process_restore(struct program *p, const struct task *t)
{
	const TaskCoreEntry *tc = t->restore->cores[0]->tc;

	sigactions_restore(p, tc, t->abi == TASK_ABI_32);
	timers_restore(p, tc->timers);
	sigqueue_restore(p, tc->signals_s, 0);
	if (tc->child_subreaper)
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
	else
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_CHILD_SUBREAPER, 0);
	membarrier_restore(p, tc);
}

/* What closing any descriptor of the file would end, or another one that is open forbid. */
static void locks_ops(struct program *p, const struct task_restore *tr)
{
	/* The last first: the kernel has a list, in which each then goes to the front. */
	for (size_t i = tr->nr_locks; i-- > 0;) {
		const struct held_lock *l = &tr->locks[i];
		struct flock range = { .l_type = l->type,
				       .l_whence = SEEK_SET,
				       .l_start = l->start,
				       .l_len = l->len };

		if (l->sort == HELD_POSIX)
			PROGRAM_SYSCALL(p, OP_WHAT_FILE_LOCK, SYS_fcntl, (uint64_t)l->fd, F_SETLK,
					program_copy(p, &range, sizeof(range)));
		else if (l->sort == HELD_LEASE)
			PROGRAM_SYSCALL(p, OP_WHAT_FILE_LOCK, SYS_fcntl, (uint64_t)l->fd,
					F_SETLEASE, (uint64_t)l->type);
	}
}

/* What closing any descriptor of the queue would end. */
static void notices_ops(struct program *p, const struct task_restore *tr)
{
	for (size_t i = 0; i < tr->nr_notices; i++) {
		const struct held_notice *h = &tr->notices[i];
		struct sigevent event = { .sigev_notify = h->notify, .sigev_signo = h->signo };
		uint64_t value = h->value;

		if (h->notify == SIGEV_THREAD)
			value = program_copy(p, h->cookie, sizeof(h->cookie));
		memcpy(&event.sigev_value, &value, sizeof(value));
		PROGRAM_SYSCALL(p, OP_WHAT_MQ_NOTIFY, SYS_mq_notify, (uint64_t)h->fd,
				program_copy(p, &event, sizeof(event)));
	}
}

/* Over what stands in for them. */
static void late_ops(struct program *p, const struct restore *r, const struct task *t)
{
	const struct task_restore *tr = t->restore;

	for (size_t i = 0; i < tr->nr_slots; i++) {
		const struct fd_slot *s = &tr->slots[i];
		struct op *op;

		if (!s->file->is_late)
			continue;
		op = program_op(p, OP_TAKE_FD, OP_WHAT_LATE);
		op->arg[0] = (uint64_t)r->crtool_pidfd;
		op->arg[1] = (uint64_t)s->file->late_fd;
		op->arg[2] = (uint64_t)s->fd;
		op->arg[3] = s->cloexec ? O_CLOEXEC : 0;
	}
}

/* Service descriptors go with the last of those that share the table: its owner. */
static void last_ops(struct program *p, const struct restore *r, const struct task *t)
{
	const MmEntry *mm = t->restore->mm;

	if (t->restore->fdtable == t)
		PROGRAM_SYSCALL(p, OP_WHAT_CLOSE, SYS_close_range, (uint64_t)r->hidden_base,
				UINT32_MAX, 0);
	locks_ops(p, t->restore);
	notices_ops(p, t->restore);
	/* Any change of credentials has reset it; 2 can only be had by such a change. */
	if (mm->has_dumpable && mm->dumpable != 2)
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_DUMPABLE,
				(uint64_t)mm->dumpable);
	/* Nothing that it forbids is still to be done. */
	if (mm->mdwe)
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_MDWE, mm->mdwe, 0, 0, 0);
	timers_arm(p, t->restore->cores[0]->tc->timers, t->restore->cores[0]->tc->signals_s);
}

uint64_t task_program(struct program *p, const struct restore *r, const struct task *t,
		      program_thread_fn *first, void (*before)(struct program *p, void *ctx),
		      void *ctx)
{
	const CoreEntry *core = t->restore->cores[0];
	uint64_t *lists = program_data(p, t->nr_threads * sizeof(*lists)), list;

	for (size_t i = 1; i < t->nr_threads; i++)
		lists[i] = thread_list(p, r, t, i, first);
	list = program_list(p);
	before(p, ctx);
	PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_personality, core->tc->personality);
	modes_process_restore(p, core->tc);
	threads_clone(p, t, lists);
	process_restore(p, t);
	thread_restore(p, r, t, core, t->pid, t->comm);
	if (r->has_late) {
		stage_op(p, STAGE_LATE, r->crtool_pidfd);
		late_ops(p, r, t);
	}
	if (r->has_seccomp) {
		stage_op(p, STAGE_SECCOMP, r->crtool_pidfd);
		seccomp_restore_common(p, t);
	}
	stage_op(p, STAGE_CREDS, r->crtool_pidfd);
	/* All threads have queued the signals that are pending, which may be more than fit now. */
	rlimits_restore(p, r, core->tc->rlimits);
	coresched_share(p, r, core->thread_core, t->pid);
	seccomp_restore_own(p, t, 0);
	creds_ops(p, r, core->thread_core);
	if (r->has_run)
		stage_op(p, STAGE_RUN, -1);
	last_ops(p, r, t);
	program_end(p);
	return list;
}
