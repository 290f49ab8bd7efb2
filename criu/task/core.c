// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/core.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/image/writer.h"
#include "criu/task/attrs.h"
#include "criu/task/autogroup.h"
#include "criu/task/creds.h"
#include "criu/task/dead.h"
#include "criu/task/dispatch.h"
#include "criu/task/modes.h"
#include "criu/task/regs.h"
#include "criu/task/sched.h"
#include "criu/task/seccomp.h"
#include "criu/task/signals.h"
#include "criu/task/timers.h"
#include "images/core.pb-c.h"
#include "images/pstree.pb-c.h"

#define CG_SET_OF_CRTOOL 1

/* What writing one task takes; each processor has its own. */
struct core_writer {
	const struct dump *d;
	struct image_dir *images;
	struct arena arena; /* messages of one task until they are written */
	struct proc_buf buf;
	struct alike alike;
};

TaskRlimitsEntry *rlimits_dump(struct arena *a, const struct proc_limits *l)
{
	TaskRlimitsEntry *e = arena_message(a, TaskRlimitsEntry, TASK_RLIMITS_ENTRY__INIT);

	e->n_rlimits = RLIM_NLIMITS;
	e->rlimits = arena_array(a, RlimitEntry *, RLIM_NLIMITS);
	for (size_t i = 0; i < RLIM_NLIMITS; i++) {
		e->rlimits[i] = arena_message(a, RlimitEntry, RLIMIT_ENTRY__INIT);
		e->rlimits[i]->cur = l->limit[i].rlim_cur;
		e->rlimits[i]->max = l->limit[i].rlim_max;
	}
	return e;
}

static int process_files_dump(struct core_writer *w, const struct task *t, TaskCoreEntry *e)
{
	struct proc_numbers numbers;
	int r = alike_numbers_read(&w->alike, task_tid(t), &w->buf, &numbers);

	if (r < 0)
		return fail(-r, "read /proc/%d", (int)t->pid);
	e->personality = t->inner->personality;
	e->has_oom_score_adj = true;
	e->oom_score_adj = numbers.oom_score_adj;
	e->has_coredump_filter = numbers.has_coredump_filter;
	e->coredump_filter = numbers.coredump_filter;
	e->has_loginuid = numbers.has_loginuid;
	e->loginuid = numbers.loginuid;
	autogroup_dump(w->d, t, &w->buf, e);
	return 0;
}

static TaskCoreEntry *task_core(struct arena *a, const struct task *t)
{
	TaskCoreEntry *e = arena_message(a, TaskCoreEntry, TASK_CORE_ENTRY__INIT);

	e->task_state = t->kind;
	e->exit_code = (uint32_t)t->exit_code;
	e->comm = arena_strdup(a, t->comm);
	e->flags = t->stat.flags;
	e->has_exit_signal = t->parent && t->exit_signal != SIGCHLD;
	e->exit_signal = e->has_exit_signal ? (uint32_t)t->exit_signal : 0;
	if (t->kind == TASK_STOPPED) {
		e->has_stop_signo = true;
		e->stop_signo = (uint32_t)t->stop_sig;
	}
	return e;
}

static int process_core(struct core_writer *w, const struct task *t, TaskCoreEntry **ret)
{
	TaskCoreEntry *e = task_core(&w->arena, t);

	e->blk_sigset = t->threads[0].regs.sigmask;
	e->timers = timers_dump(&w->arena, t);
	modes_process_dump(t, e);
	e->rlimits = rlimits_dump(&w->arena, &t->limits);
	sigactions_dump(&w->arena, t, e);
	e->has_child_subreaper = true;
	e->child_subreaper = t->inner->child_subreaper;
	if (t->inner->membarrier) {
		e->has_membarrier_registration_mask = true;
		e->membarrier_registration_mask = t->inner->membarrier;
	}
	e->signals_s = t->pending;
	*ret = e;
	return process_files_dump(w, t, e);
}

static ThreadSasEntry *sas_dump(struct arena *a, const struct parasite_thread *in)
{
	ThreadSasEntry *e = arena_message(a, ThreadSasEntry, THREAD_SAS_ENTRY__INIT);

	e->ss_sp = in->sas_sp;
	e->ss_size = in->sas_size;
	e->ss_flags = in->sas_flags;
	return e;
}

static void thread_restart_dump(const struct thread *th, const ThreadInfoX86 *ti,
				ThreadCoreEntry *e)
{
	/* Unless a restartable sequence was aborted instead. */
	if (!th->restart || (int64_t)ti->gpregs->ip - (int64_t)th->regs.gp.rip > 0 ||
	    (int64_t)th->regs.gp.rip - (int64_t)ti->gpregs->ip > 2)
		return;
	if (th->restart_nr < 0) {
		log_warn("thread %d: its wait ends with EINTR: which call it is in is not known",
			 (int)th->tid);
		return;
	}
	e->has_restart = true;
	e->restart = th->restart;
	if (th->restart_left != UINT64_MAX) {
		e->has_restart_left = true;
		e->restart_left = th->restart_left;
	}
}

static ThreadCoreEntry *thread_core(struct arena *a, const struct task *t, const struct thread *th,
				    const ThreadInfoX86 *ti)
{
	ThreadCoreEntry *e = arena_message(a, ThreadCoreEntry, THREAD_CORE_ENTRY__INIT);

	e->futex_rla = th->robust_list;
	e->futex_rla_len = (uint32_t)th->robust_len;
	sched_dump(a, th, e);
	attrs_dump(a, th, e);
	modes_dump(a, th, e);
	dispatch_dump(th, e);
	e->has_core_cookie = th->core_cookie != 0;
	e->core_cookie = th->core_cookie;
	if (th->tid != t->pid) {
		e->has_blk_sigset = true;
		e->blk_sigset = th->regs.sigmask;
	}
	e->sas = sas_dump(a, &th->inner);
	if (th->inner.pdeath_sig) {
		e->has_pdeath_sig = true;
		e->pdeath_sig = th->inner.pdeath_sig;
	}
	e->creds = creds_dump(a, th);
	seccomp_dump(th, e);
	e->comm = arena_strdup(a, th->comm);
	if (th->rseq) {
		e->rseq_entry = arena_message(a, RseqEntry, RSEQ_ENTRY__INIT);
		e->rseq_entry->rseq_abi_pointer = th->rseq;
		e->rseq_entry->rseq_abi_size = th->rseq_size;
		e->rseq_entry->signature = th->rseq_sig;
	}
	e->has_cg_set = true;
	e->cg_set = CG_SET_OF_CRTOOL;
	thread_restart_dump(th, ti, e);
	e->signals_p = th->pending;
	return e;
}

static int thread_write(struct core_writer *w, const struct task *t, const struct thread *th)
{
	CoreEntry *core = arena_message(&w->arena, CoreEntry, CORE_ENTRY__INIT);
	int r = 0;

	core->mtype = CORE_ENTRY__MARCH__X86_64;
	core->thread_info = regs_dump(&w->arena, t, th);
	core->thread_core = thread_core(&w->arena, t, th, core->thread_info);
	if (th->tid == t->pid)
		r = process_core(w, t, &core->tc);
	if (r < 0)
		return fail_at(r, "thread %d", (int)th->tid);
	return image_put(w->images, IMAGE_CORE, (uint64_t)th->tid, &core->base);
}

/* Of a main thread that has ended: what kill(2), ps(1) and wait(2) still ask it for, and, as it
 * begins like the others on the way back, the filters of one of them. */
static int ended_leader_write(struct core_writer *w, const struct task *t)
{
	CoreEntry *core = arena_message(&w->arena, CoreEntry, CORE_ENTRY__INIT);
	ThreadCoreEntry *e = arena_message(&w->arena, ThreadCoreEntry, THREAD_CORE_ENTRY__INIT);
	int r = process_core(w, t, &core->tc);

	e->creds = creds_dump(&w->arena, t->leader);
	e->creds->secbits = t->threads[0].inner.securebits;
	e->comm = arena_strdup(&w->arena, t->leader->comm);
	seccomp_dump(&t->threads[0], e);
	e->has_exit_code = true;
	e->exit_code = (uint32_t)t->leader_exit_code;
	core->mtype = CORE_ENTRY__MARCH__X86_64;
	core->thread_core = e;
	if (r < 0)
		return r;
	return image_put(w->images, IMAGE_CORE, (uint64_t)t->pid, &core->base);
}

static int zombie_write(struct core_writer *w, const struct task *t)
{
	CoreEntry core = CORE_ENTRY__INIT;

	core.mtype = CORE_ENTRY__MARCH__X86_64;
	core.tc = task_core(&w->arena, t);
	dead_dump(&w->arena, t, &core);
	return image_put(w->images, IMAGE_CORE, (uint64_t)t->pid, &core.base);
}

void ids_fill_namespaces(TaskKobjIdsEntry *e)
{
	/* All tasks live in crtool's own namespaces: numbered once, in the usual order. */
	e->has_pid_ns_id = e->has_net_ns_id = e->has_ipc_ns_id = e->has_uts_ns_id = true;
	e->has_time_ns_id = e->has_mnt_ns_id = e->has_user_ns_id = e->has_cgroup_ns_id = true;
	e->pid_ns_id = 1;
	e->net_ns_id = 2;
	e->ipc_ns_id = 3;
	e->uts_ns_id = 4;
	e->time_ns_id = 5;
	e->mnt_ns_id = 6;
	e->user_ns_id = 7;
	e->cgroup_ns_id = 8;
}

static int ids_write(struct core_writer *w, const struct task *t)
{
	TaskKobjIdsEntry e = TASK_KOBJ_IDS_ENTRY__INIT;

	e.vm_id = t->ids.vm;
	e.files_id = t->ids.files;
	e.fs_id = t->ids.fs;
	e.sighand_id = t->ids.sighand;
	ids_fill_namespaces(&e);
	return image_put(w->images, IMAGE_IDS, (uint64_t)t->pid, &e.base);
}

static int task_write(struct core_writer *w, const struct task *t)
{
	int r;

	if (!task_is_alive(t))
		return zombie_write(w, t);
	r = t->leader ? ended_leader_write(w, t) : 0;
	if (r >= 0)
		r = thread_write(w, t, &t->threads[0]);
	return r < 0 ? r : ids_write(w, t);
}

static int pstree_write(struct image_writer *w, const struct task *t)
{
	PstreeEntry e = PSTREE_ENTRY__INIT;
	size_t nr = 0;
	uint32_t *tids;
	int r;

	e.pid = (uint32_t)t->pid;
	e.ppid = t->parent ? (uint32_t)t->ppid : 0;
	e.pgid = (uint32_t)t->pgid;
	e.sid = (uint32_t)t->sid;
	/* A zombie has one thread, number 0. */
	tids = mem_alloc((t->nr_threads + 1) * sizeof(*tids));
	if (t->leader)
		tids[nr++] = (uint32_t)t->pid;
	for (size_t i = 0; i < t->nr_threads; i++)
		tids[nr++] = (uint32_t)t->threads[i].tid;
	e.n_threads = nr ? nr : 1;
	e.threads = tids;
	r = image_write(w, &e.base);
	free(tids);
	return r;
}

static int tree_write(struct dump *d)
{
	struct image_writer *w = NULL;
	struct task *t;
	int r = image_writer_open(d->s->images, IMAGE_PSTREE, 0, &w);

	tasks_for_each(t, &d->tree) {
		if (r >= 0)
			r = pstree_write(w, t);
	}
	if (r < 0) {
		image_writer_free(w);
		return r;
	}
	return image_writer_close(&w);
}

struct cores {
	struct dump *d;
	struct task_thread *others; /* threads that are not leaders, of all tasks */
	struct core_writer writer[PARALLEL_WORKERS_MAX];
};

static int task_save(void *ctx, size_t i, unsigned int worker)
{
	struct cores *cw = ctx;
	const struct task *t = cw->d->tree.tasks[i];
	int r = task_write(&cw->writer[worker], t);

	arena_reset(&cw->writer[worker].arena);
	return task_fail_at(r, t);
}

static int thread_save(void *ctx, size_t i, unsigned int worker)
{
	struct cores *cw = ctx;
	const struct task_thread *at = &cw->others[i];
	int r = thread_write(&cw->writer[worker], at->task, at->thread);

	arena_reset(&cw->writer[worker].arena);
	return task_fail_at(r, at->task);
}

int core_dump(struct dump *d)
{
	struct cores cw = { .d = d };
	size_t nr = tree_other_threads(&d->tree, &cw.others);
	struct task *t;
	int r;

	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++) {
		cw.writer[i].d = d;
		cw.writer[i].images = d->s->images;
		cw.writer[i].alike.view = d->has_view ? &d->view : NULL;
	}
	r = parallel_for(d->tree.nr, task_save, &cw);
	if (r >= 0)
		r = parallel_for(nr, thread_save, &cw);
	free(cw.others);
	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++) {
		arena_done(&cw.writer[i].arena);
		proc_buf_done(&cw.writer[i].buf);
		alike_done(&cw.writer[i].alike);
	}
	if (r < 0)
		return r;
	tasks_for_each(t, &d->tree)
		task_advance(t, TASK_SAVED);
	r = seccomp_write(d);
	return r < 0 ? r : tree_write(d);
}
