// SPDX-License-Identifier: GPL-2.0-only
/*
 * In, one call for the leader and one for each other thread, and out again: afterwards
 * the task is as it was, only still stopped.
 *
 * Each visit is a handful of round trips. So several tasks are visited at once, one part of the
 * visit for all of them before the next: while one runs on another processor, the next is
 * sent off, and none is waited for that is not done anyway.
 */
#include "criu/task/ask.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "compel/remote.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/mem/dirty.h"
#include "criu/mem/ldt.h"
#include "criu/mem/mempolicy.h"
#include "criu/mem/snapshot.h"
#include "criu/pie/abi/parasite.h"
#include "criu/pie/blobs.h"
#include "criu/task/asked.h"
#include "criu/task/compat.h"
#include "criu/task/dispatch.h"
#include "criu/task/seccomp.h"

#define TEXT_CHUNK  (1ul << 20)
#define SITES_TRIED 16

/* Where in a file's text the two pieces of code are: searched once for each library. */
struct known_site {
	uint32_t major, minor;
	uint64_t ino, pgoff;
	struct remote_site at; /* offsets from the start of the mapping */
};

struct sites {
	struct known_site *v;
	size_t nr, cap;
	uint8_t *text;
	bool one_node; /* of the machine: NUMA */
	uint32_t wanted; /* enum parasite_wanted */
	struct asked asked;
	size_t nr_spared; /* tasks */
};

static const struct remote_site *sites_get(struct sites *s, pid_t pid, const struct proc_vma *vma)
{
	uint64_t len = vma->end - vma->start;
	struct known_site *k;

	for (size_t i = 0; vma->ino && i < s->nr; i++) {
		k = &s->v[i];
		if (k->ino == vma->ino && k->pgoff == vma->pgoff && k->major == vma->dev_major &&
		    k->minor == vma->dev_minor)
			return &k->at;
	}
	k = array_push(s->v, s->nr, s->cap);
	*k = (struct known_site){ .major = vma->dev_major,
				  .minor = vma->dev_minor,
				  .ino = vma->ino,
				  .pgoff = vma->pgoff,
				  .at = { .syscall_ret = UINT64_MAX, .sigreturn = UINT64_MAX } };
	/* The interesting code of a C library stands in its first megabyte; others are small. */
	for (uint64_t off = 0; off < len && off < 8 * TEXT_CHUNK; off += TEXT_CHUNK) {
		uint64_t n = len - off < TEXT_CHUNK ? len - off : TEXT_CHUNK;
		struct remote_site found;

		if (tracee_mem_read(pid, vma->start + off, s->text, n) < 0)
			break;
		found = remote_site_find(s->text, n);
		if (k->at.syscall_ret == UINT64_MAX && found.syscall_ret != UINT64_MAX)
			k->at.syscall_ret = found.syscall_ret + off;
		if (k->at.sigreturn == UINT64_MAX && found.sigreturn != UINT64_MAX)
			k->at.sigreturn = found.sigreturn + off;
		if (k->at.syscall_ret != UINT64_MAX && k->at.sigreturn != UINT64_MAX)
			break;
	}
	return &k->at;
}

/* Both addresses, wherever they are: libc first has them, so mappings of libraries are
 * asked from the top down. False: this process has no such code. */
static bool site_search(struct sites *s, const struct task *t, struct remote_site *ret)
{
	struct remote_site site = { .syscall_ret = UINT64_MAX, .sigreturn = UINT64_MAX };
	unsigned int tried = 0;

	for (size_t i = t->vmas.nr; i-- > 0 && tried < SITES_TRIED;) {
		const struct proc_vma *v = &t->vmas.v[i];
		const struct remote_site *at;

		if (!(v->prot & PROT_EXEC) || !(v->prot & PROT_READ) || v->shared ||
		    v->special == PROC_VMA_VSYSCALL)
			continue;
		tried++;
		at = sites_get(s, task_tid(t), v);
		if (site.syscall_ret == UINT64_MAX && at->syscall_ret != UINT64_MAX)
			site.syscall_ret = v->start + at->syscall_ret;
		if (site.sigreturn == UINT64_MAX && at->sigreturn != UINT64_MAX)
			site.sigreturn = v->start + at->sigreturn;
		if (site.syscall_ret != UINT64_MAX && site.sigreturn != UINT64_MAX) {
			*ret = site;
			return true;
		}
	}
	return false;
}

/* A program without the code gets it at the end of its last private text page, for as long
 * as we are inside. That page is then its own copy. */
struct planted {
	uint64_t addr;
	uint8_t was[sizeof(remote_site_bytes)];
};

static int site_plant(const struct task *t, struct planted *p, struct remote_site *ret)
{
	for (size_t i = t->vmas.nr; i-- > 0;) {
		const struct proc_vma *v = &t->vmas.v[i];
		int r;

		if (!(v->prot & PROT_EXEC) || v->shared || v->special == PROC_VMA_VSYSCALL)
			continue;
		p->addr = v->end - sizeof(p->was);
		r = tracee_mem_read(task_tid(t), p->addr, p->was, sizeof(p->was));
		if (!r)
			r = tracee_mem_poke(task_tid(t), p->addr, remote_site_bytes,
					    sizeof(p->was));
		if (r < 0)
			continue;
		*ret = (struct remote_site){ .syscall_ret = p->addr + REMOTE_SITE_SYSCALL_RET,
					     .sigreturn = p->addr + REMOTE_SITE_SIGRETURN };
		return 0;
	}
	p->addr = 0;
	return fail_plain("no executable mapping to make system calls from");
}

/* A signal that this task would drop: not handled, not pending. One that it blocks it may
 * be waiting for, and comes last. 0: none. */
static int pick_signal(const struct task *t)
{
	static const int candidates[] = VIEW_SIGNALS;
	uint64_t used = 0, blocked = 0;
	int second = 0;

	for (size_t i = 0; i < t->nr_threads; i++) {
		const struct proc_status *s = &t->threads[i].status;

		used |= s->sig_cgt | s->sig_pnd | s->shd_pnd;
		blocked |= s->sig_blk;
	}
	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
		uint64_t bit = 1ull << (candidates[i] - 1);

		if (used & bit)
			continue;
		if (!(blocked & bit))
			return candidates[i];
		if (!second)
			second = candidates[i];
	}
	return second;
}

/* The stack below the leader's own, or, when it runs on another one (a coroutine's, an
 * alternate one), which may lie close to other data, below the lowest used of [stack]. */
static uint64_t frame_top(const struct task *t)
{
	uint64_t sp = t->threads[0].regs.gp.rsp;

	for (size_t i = 0; i < t->vmas.nr; i++) {
		const struct proc_vma *v = &t->vmas.v[i];

		if (v->special != PROC_VMA_STACK)
			continue;
		if (sp >= v->start + TRACEE_XSTATE_MAX && sp < v->end)
			return 0;
		if (v->end - v->start > 4 * TRACEE_XSTATE_MAX)
			return v->start + 2 * TRACEE_XSTATE_MAX;
	}
	return 0;
}

/* Bytes for the arguments, an untouched page behind them. */
static uint64_t data_room(uint64_t args_len)
{
	return PAGE_UP(args_len) + PAGE_BYTES;
}

/* Free addresses next to what is mapped, where page tables are there already; not below a
 * stack that may grow. 0: none. */
static uint64_t free_range(const struct task *t, uint64_t len)
{
	for (size_t i = t->vmas.nr; i-- > 1;) {
		const struct proc_vma *v = &t->vmas.v[i], *below = &t->vmas.v[i - 1];

		if (v->special == PROC_VMA_VSYSCALL || v->special == PROC_VMA_STACK ||
		    v->vmflags & PROC_VMF(GD))
			continue;
		if (v->start - below->end >= len + 2 * PAGE_BYTES)
			return v->start - len - PAGE_BYTES;
	}
	return 0;
}

static int answer_check(int32_t err, uint32_t nr)
{
	return err < 0 ? fail(-err, "system call %u inside the task", nr) : 0;
}

#define VISITS_MAX 16

/* A task with the parasite inside, or about to be. */
struct visit {
	struct dump *d;
	struct task *task;
	struct sites *sites;
	struct remote remote;
	struct planted planted;
	uint32_t len; /* bytes of task->inner */
	bool suspended; /* its seccomp is */
	int err; /* the first error, after which only the way out is taken */
};

static uint64_t parasite_len(void)
{
	return (uint64_t)(parasite_blob_end - parasite_blob);
}

static uint32_t questions_len(const struct task *t)
{
	return (uint32_t)(sizeof(struct parasite_process_args) +
			  t->timers.nr * sizeof(struct parasite_timer) +
			  t->fds.nr * sizeof(int32_t));
}

static struct parasite_process_args *questions(const struct sites *s, const struct task *t,
					       uint32_t *ret_len)
{
	struct parasite_process_args *a;

	*ret_len = questions_len(t);
	a = mem_alloc(*ret_len);
	a->command = PARASITE_PROCESS;
	a->nr_timers = (uint32_t)t->timers.nr;
	for (size_t i = 0; i < t->timers.nr; i++)
		a->timer[i].id = t->timers.v[i].id;
	a->nr_fds = (uint32_t)t->fds.nr;
	a->one_node = s->one_node;
	a->wanted = s->wanted;
	for (size_t i = 0; i < t->fds.nr; i++)
		parasite_fds(a)[i] = t->fds.v[i];
	return a;
}

/* With as much of RLIMIT_AS as the task may have. */
static int infect_again(struct visit *v, uint64_t data_len)
{
	const struct task *t = v->task;
	struct rlimit64 was = t->limits.limit[RLIMIT_AS], all = { was.rlim_max, was.rlim_max };
	int err, back;

	if (was.rlim_cur == was.rlim_max || prlimit64(task_tid(t), RLIMIT_AS, &all, NULL) < 0)
		return -ENOMEM;
	err = remote_infect(&v->remote, parasite_blob, parasite_len(), data_len);
	back = prlimit64(task_tid(t), RLIMIT_AS, &was, NULL) < 0 ? -errno : 0;
	return err ? err : back;
}

static int visit_prepare(struct visit *v)
{
	struct task *t = v->task;
	struct remote_site site = { 0 };
	uint64_t region, len;
	int err = 0;

	v->remote.signo = pick_signal(t);
	v->remote.tgid = t->pid;
	v->suspended = seccomp_concerns(t);
	if (!(t->abi == TASK_ABI_32 && compat_site(t, &site)) && !site_search(v->sites, t, &site))
		err = site_plant(t, &v->planted, &site);
	if (err < 0)
		return err;
	v->remote.wary = !site.is_32bit && seccomp_bars_home(v->d, t);
	t->inner = questions(v->sites, t, &v->len);
	len = remote_region_len(parasite_len(), data_room(v->len));
	region = free_range(t, len);
	err = region ? remote_init(&v->remote, task_tid(t), &t->threads[0].regs, &site,
				   frame_top(t), region, len)
		     : -ENOMEM;
	if (err < 0)
		return fail(-err, "no room on its stack at %#llx",
			    (unsigned long long)t->threads[0].regs.gp.rsp);
	return v->suspended ? seccomp_suspend(t, true) : 0;
}

static int visit_infect(struct visit *v)
{
	int err = remote_infect_begin(&v->remote, parasite_blob, parasite_len(), data_room(v->len));

	return err < 0 ? fail(-err, "map the parasite") : 0;
}

static int visit_infect_enter(struct visit *v)
{
	int err = remote_infect_enter(&v->remote);

	return err < 0 ? fail(-err, "map the parasite") : 0;
}

/* nr of its threads: numbers. */
static int threads_ask_some(struct visit *v, const size_t *which, size_t nr)
{
	struct parasite_thread_args args[REMOTE_THREADS];
	struct remote_thread call[REMOTE_THREADS];
	struct task *t = v->task;

	for (size_t i = 0; i < nr; i++) {
		const struct thread *th = &t->threads[which[i]];

		args[i] = (struct parasite_thread_args){ .command = PARASITE_THREAD,
							 .wanted = t->inner->wanted };
		call[i] = (struct remote_thread){ .tid = th->tid,
						  .regs = &th->regs,
						  .args = &args[i],
						  .args_len = sizeof(args[i]) };
	}
	remote_call_threads(&v->remote, call, nr);
	for (size_t i = 0; i < nr; i++) {
		struct thread *th = &t->threads[which[i]];
		int err = call[i].err < 0 ? fail(-call[i].err, "run the parasite")
					  : answer_check(args[i].err, args[i].err_nr);

		if (err < 0)
			return fail_at(err, "thread %d", (int)th->tid);
		th->inner = args[i].thread;
	}
	return 0;
}

/* Of the threads that are alike one is asked, and is right for the others. */
static int threads_ask(struct visit *v)
{
	struct thread *threads = v->task->threads;
	size_t which[REMOTE_THREADS], nr = 0, end = v->task->nr_threads;
	struct asked *asked = &v->sites->asked;
	int err = 0;

	for (size_t i = 1; i < end && err >= 0; i++) {
		if (asked_thread_knows(asked, v->d, &threads[i]))
			continue;
		asked_thread_add(asked, v->d, &threads[i]);
		which[nr++] = i;
		if (nr == REMOTE_THREADS) {
			err = threads_ask_some(v, which, nr);
			nr = 0;
		}
	}
	if (err >= 0 && nr)
		err = threads_ask_some(v, which, nr);
	for (size_t i = 1; i < end && err >= 0; i++)
		asked_thread_take(asked, v->d, &threads[i]);
	return err;
}

static int visit_ask(struct visit *v)
{
	struct parasite_process_args *a = v->task->inner;
	int err = remote_infect_end(&v->remote);

	if (err == -ENOMEM)
		err = infect_again(v, data_room(v->len));
	if (err < 0)
		return fail(-err, "map the parasite");
	if (v->d->memory_only)
		return 0;
	a->untouched = v->remote.data + PAGE_UP(v->len);
	err = threads_ask(v);
	if (err < 0)
		return err;
	err = remote_call_begin(&v->remote, 0, a, v->len);
	return err < 0 ? fail(-err, "run the parasite") : 0;
}

/* The signal comes when the thread ends that made the task. On the way back that is always the
 * main thread; where it ends, too, it would come a second time. */
static void block_pdeath(const struct task *t)
{
	for (size_t i = 0; i < t->nr_threads && t->parent && t->parent->leader_ended; i++)
		if (t->threads[i].inner.pdeath_sig)
			blocker(NULL,
				"pid %d (%s): thread %d has a parent-death signal, and the main "
				"thread of its parent has ended, which cannot be kept together",
				(int)t->pid, t->comm, (int)t->threads[i].tid);
}

static int visit_answer(struct visit *v)
{
	struct parasite_process_args *a = v->task->inner;
	int err = v->d->memory_only ? 0 : remote_call_end(&v->remote, 0, a, v->len);

	if (err >= 0 && v->d->memory_only) {
		dirty_ask(v->d, v->task, &v->remote);
		return 0;
	}
	if (err < 0)
		return fail(-err, "run the parasite");
	v->task->threads[0].inner = a->thread;
	block_pdeath(v->task);
	err = answer_check(a->err, a->err_nr);
	if (err >= 0 && a->mpol_some)
		err = mempolicy_ask(v->task, &v->remote, data_room(v->len));
	if (err >= 0 && a->has_ldt)
		err = ldt_ask(v->task, &v->remote);
	if (err >= 0 && dirty_wants(v->d, v->task))
		dirty_ask(v->d, v->task, &v->remote);
	if (err >= 0 && snapshot_wants(v->d, v->task))
		snapshot_ask(v->task, &v->remote);
	return err;
}

static int visit_leave(struct visit *v)
{
	return remote_cure_begin(&v->remote);
}

static int visit_leave_enter(struct visit *v)
{
	return remote_cure_enter(&v->remote);
}

/* The kernel forgets a restartable sequence when it sees the thread outside of it, as it was for
 * us. Back inside, it is to be aborted, as after any other interruption. */
static int sequences_put_back(const struct task *t)
{
	int err = 0;

	for (size_t i = 0; i < t->nr_threads && !err; i++)
		if (t->threads[i].rseq && t->threads[i].rseq_cs)
			err = tracee_mem_write(t->threads[i].tid, t->threads[i].rseq + RSEQ_CS,
					       &t->threads[i].rseq_cs, 8);
	return err;
}

static int visit_end(struct visit *v)
{
	int err = remote_cure_end(&v->remote);

	if (!err)
		err = sequences_put_back(v->task);
	if (v->planted.addr && !err)
		err = tracee_mem_poke(task_tid(v->task), v->planted.addr, v->planted.was,
				      sizeof(v->planted.was));
	if (v->suspended && !err)
		err = seccomp_suspend(v->task, false);
	return err;
}

/* One part of all visits, but of those that have met an error. Returns the first of all. */
static int visits_do(struct visit *v, size_t nr, int (*part)(struct visit *), int first)
{
	for (size_t i = 0; i < nr; i++) {
		v[i].err = v[i].err < 0 ? v[i].err : part(&v[i]);
		if (v[i].err < 0 && first >= 0)
			first = task_fail_at(v[i].err, v[i].task);
	}
	return first;
}

/* The way out is for all. */
static int visits_leave(struct visit *v, size_t nr, int (*part)(struct visit *), int first)
{
	for (size_t i = 0; i < nr; i++) {
		int err = part(&v[i]);

		if (err < 0 && first >= 0)
			first = task_fail_at(fail(-err, "put its registers back"), v[i].task);
	}
	return first;
}

static int visits_run(struct visit *v, size_t nr)
{
	int r = visits_do(v, nr, visit_prepare, 0);

	r = visits_do(v, nr, visit_infect, r);
	r = visits_do(v, nr, visit_infect_enter, r);
	r = visits_do(v, nr, visit_ask, r);
	r = visits_do(v, nr, visit_answer, r);
	r = visits_leave(v, nr, visit_leave, r);
	r = visits_leave(v, nr, visit_leave_enter, r);
	r = visits_leave(v, nr, visit_end, r);
	for (size_t i = 0; i < nr && r >= 0; i++)
		task_advance(v[i].task, TASK_ASKED);
	return r;
}

static int visit_call(struct visit *v, ask_fn fn, void *ctx)
{
	int err = visit_infect(v);

	if (err >= 0)
		err = visit_infect_enter(v);
	if (err < 0)
		return err;
	err = remote_infect_end(&v->remote);
	if (err == -ENOMEM)
		err = infect_again(v, data_room(v->len));
	return err < 0 ? fail(-err, "map the parasite") : fn(ctx, v->task, &v->remote);
}

int ask_again(struct dump *d, struct task *t, ask_fn fn, void *ctx)
{
	struct sites sites = { .text = mem_alloc(TEXT_CHUNK) };
	struct visit v = { .d = d, .task = t, .sites = &sites };
	struct parasite_process_args *answers = t->inner;
	int r = visit_prepare(&v);

	if (r >= 0)
		r = visit_call(&v, fn, ctx);
	r = task_fail_at(r, t);
	r = visits_leave(&v, 1, visit_leave, r);
	r = visits_leave(&v, 1, visit_leave_enter, r);
	r = visits_leave(&v, 1, visit_end, r);
	if (t->inner != answers)
		free(t->inner);
	t->inner = answers;
	free(sites.v);
	free(sites.text);
	return r;
}

/* A page that is missing would be waited for, and whoever is to bring it stands still. */
static void block_stacks(const struct dump *d)
{
	const struct task *t;

	tasks_for_each(t, &d->tree)
		for (size_t i = 0; i < t->nr_threads; i++) {
			const struct proc_vma *v =
			    proc_vmas_find(&t->vmas, t->threads[i].regs.gp.rsp);

			if (v && v->vmflags & PROC_VMF(UM))
				blocker(NULL,
					"pid %d (%s): the stack of thread %d is registered with a "
					"userfaultfd, which cannot be kept",
					(int)t->pid, t->comm, (int)t->threads[i].tid);
		}
}

/* Records blockers, before anybody is entered. */
static void find_dispatched(struct sites *s, const struct dump *d)
{
	const struct task *t;

	tasks_for_each(t, &d->tree) {
		struct remote_site site = { 0 };
		uint64_t len = remote_region_len(parasite_len(), data_room(questions_len(t)));

		if (!task_is_alive(t) || !dispatch_is_on(t))
			continue;
		site_search(s, t, &site);
		dispatch_block(t, &site, free_range(t, len), len);
	}
}

/* Whether its answers are known without a visit. */
static bool is_spared(struct sites *s, struct dump *d, struct task *t)
{
	if (d->memory_only || dirty_wants(d, t) || snapshot_wants(d, t) ||
	    !asked_task_take(&s->asked, d, t))
		return false;
	block_pdeath(t);
	task_advance(t, TASK_ASKED);
	s->nr_spared++;
	return true;
}

static bool is_to_visit(struct sites *s, struct dump *d, struct task *t)
{
	return task_is_alive(t) && (!d->memory_only || dirty_wants(d, t)) && !is_spared(s, d, t);
}

int ask_tasks(struct dump *d)
{
	struct sites sites = { .text = mem_alloc(TEXT_CHUNK),
			       .one_node = d->one_node,
			       .wanted = d->wanted };
	struct visit v[VISITS_MAX];
	size_t i = 0;
	int r = 0;

	find_dispatched(&sites, d);
	block_stacks(d);
	while (i < d->tree.nr && r >= 0 && !blockers_count()) {
		size_t nr = 0;

		for (; i < d->tree.nr && nr < VISITS_MAX; i++)
			if (is_to_visit(&sites, d, d->tree.tasks[i]))
				v[nr++] = (struct visit){ .d = d,
							  .task = d->tree.tasks[i],
							  .sites = &sites };
		r = session_interrupted(d->s);
		if (r >= 0)
			r = visits_run(v, nr);
		for (size_t k = 0; k < nr && r >= 0 && !d->memory_only; k++)
			asked_task_add(&sites.asked, d, v[k].task);
	}
	if (sites.nr_spared)
		log_info("%zu tasks are like others that were asked", sites.nr_spared);
	free(sites.v);
	free(sites.text);
	return r;
}
