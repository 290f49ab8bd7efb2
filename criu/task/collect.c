// SPDX-License-Identifier: GPL-2.0-only
/* Reading is cheap and complete; judging comes right after, so that one run names all
 * that stands in the way. */
#include "criu/task/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/kernel/alike.h"
#include "criu/kernel/ia32.h"
#include "criu/kernel/syscalls.h"
#include "criu/mem/mempolicy.h"
#include "criu/task/compat.h"
#include "criu/task/coresched.h"
#include "criu/task/dead.h"
#include "criu/task/dispatch.h"
#include "criu/task/fdlist.h"
#include "criu/task/modes.h"
#include "criu/task/regs.h"
#include "criu/task/sched.h"
#include "criu/task/seccomp.h"
#include "criu/task/signals.h"
#include "criu/task/stuck.h"
#include "criu/task/waiting.h"

#define LARGE_BYTES  (32ull << 20)
/* A view of the kernel costs about as much as reading this many. */
#define MANY_TASKS   32
#define MANY_THREADS 256
#define MANY_TRACED  64 /* threads, for a thread of crtool that does nothing else meanwhile */
#define VMAS_USUAL   256 /* mappings that a process has, most often fewer */

#define RESTART_FIRST 512 /* ERESTARTSYS */
#define RESTART_LAST  516 /* ERESTART_RESTARTBLOCK */

static void block_ns(const struct task *t, const char *what, uint64_t own, uint64_t theirs)
{
	if (own != theirs)
		blocker("dump it from inside that namespace",
			"pid %d (%s): lives in another %s namespace than crtool", (int)t->pid,
			t->comm, what);
}

static void task_block_ns(const struct dump *d, const struct task *t)
{
	const struct proc_ns *own = &d->own_ns, *ns = &t->ns;

	block_ns(t, "pid", own->pid, ns->pid);
	block_ns(t, "pid (for its children)", own->pid, ns->pid_for_children);
	block_ns(t, "net", own->net, ns->net);
	block_ns(t, "ipc", own->ipc, ns->ipc);
	block_ns(t, "uts", own->uts, ns->uts);
	block_ns(t, "mnt", own->mnt, ns->mnt);
	block_ns(t, "user", own->user, ns->user);
	block_ns(t, "time", own->time, ns->time);
	block_ns(t, "time (for its children)", own->time_for_children, ns->time_for_children);
	block_ns(t, "cgroup", own->cgroup, ns->cgroup);
}

static void block_status(const struct task *t, const struct thread *th)
{
	const struct proc_status *s = &th->status;

	if (s->tracer_pid && s->tracer_pid != getpid())
		blocker("end the debugger or strace first", "pid %d (%s): is traced by pid %d",
			(int)t->pid, t->comm, (int)s->tracer_pid);
	if (s->shstk)
		blocker(NULL, "pid %d (%s): thread %d has a shadow stack, which cannot be kept yet",
			(int)t->pid, t->comm, (int)th->tid);
}

static void thread_find_restart(struct thread *th)
{
	const struct user_regs_struct *gp = &th->regs.gp;
	long ax = -(tracee_runs_32bit(gp) ? (int32_t)gp->rax : (long)gp->rax);

	if ((long)gp->orig_rax >= 0 && ax >= RESTART_FIRST && ax <= RESTART_LAST)
		th->restart = (int)ax;
}

static int thread_ask_rseq(struct thread *th)
{
	struct tracee_rseq rseq = { 0 };
	int r = tracee_get_rseq(th->tid, &rseq);

	if (r < 0)
		return r == -EIO || r == -EINVAL ? 0 : fail(-r, "ptrace rseq configuration");
	th->rseq = rseq.addr;
	th->rseq_size = rseq.size;
	th->rseq_sig = rseq.signature;
	return 0;
}

/* Whether a look at kin tells of struct rseq what ptrace(2) does: one thread that has one shows. */
struct sight {
	bool is_tried, is_right;
};

static int thread_read_rseq(struct sight *s, const struct view_kin *k, struct thread *th)
{
	int r = 0;

	if (k && s->is_right) {
		th->rseq = k->rseq;
		th->rseq_size = k->rseq_len;
		th->rseq_sig = k->rseq_sig;
		return 0;
	}
	r = thread_ask_rseq(th);
	if (r >= 0 && k && th->rseq && !s->is_tried) {
		s->is_tried = true;
		s->is_right = k->rseq == th->rseq && k->rseq_len == th->rseq_size &&
			      k->rseq_sig == th->rseq_sig;
	}
	return r;
}

/* No restartable sequence makes a system call. */
static bool may_be_in_section(const struct thread *th)
{
	return th->rseq && (long)th->regs.gp.orig_rax < 0;
}

/* Those of all threads by one look at the memory that they share. Unreadable: the registration has
 * outlived it. */
static void rseq_read_sections(struct task *t)
{
	uint64_t *addr = NULL, *cs;
	size_t nr = 0, cap = 0, k = 0;

	for (size_t i = 0; i < t->nr_threads; i++)
		if (may_be_in_section(&t->threads[i]))
			*array_push(addr, nr, cap) = t->threads[i].rseq + RSEQ_CS;
	if (!nr)
		return;
	cs = mem_alloc(nr * sizeof(*cs));
	tracee_mem_words(task_tid(t), addr, cs, nr);
	for (size_t i = 0; i < t->nr_threads; i++)
		if (may_be_in_section(&t->threads[i]))
			t->threads[i].rseq_cs = cs[k++];
	free(addr);
	free(cs);
}

/* What ptrace(2) tells, which is for one thread of crtool: it goes on while others read /proc. */
static int thread_trace(const struct dump *d, struct sight *s, struct thread *th)
{
	const struct view_kin *k = taskview_kin(&d->view, th->tid);
	int r = tracee_regs_read(th->tid, &th->regs);

	if (r < 0)
		return fail(-r, "read registers");
	thread_find_restart(th);
	r = thread_read_rseq(s, k, th);
	return r < 0 || (k && !k->syscall_work) ? r : dispatch_read(th);
}

static int trace_threads(const struct dump *d)
{
	struct sight sight = { .is_tried = false };
	struct task *t;

	tasks_for_each(t, &d->tree) {
		for (size_t i = 0; i < t->nr_threads; i++) {
			int r = thread_trace(d, &sight, &t->threads[i]);

			/* Here there is time for it: others take longer for /proc. */
			if (r >= 0 && i)
				r = sched_read(d, &t->threads[i]);
			if (r < 0)
				return task_fail_at(fail_at(r, "thread %d", (int)t->threads[i].tid),
						    t);
		}
		rseq_read_sections(t);
	}
	return 0;
}

/* What system calls tell. */
static int thread_call(const struct dump *d, const struct task *t, struct thread *th)
{
	uint64_t head = 0;
	size_t len = 0;
	int r = t->abi == TASK_ABI_32 ? ia32_get_robust_list(th->tid, &head, &len)
				      : sys_get_robust_list(th->tid, &head, &len);

	if (r < 0)
		return fail(-r, "get_robust_list");
	th->robust_list = head;
	th->robust_len = head ? len : 0;
	th->core_cookie = d->has_coresched ? coresched_read(th->tid) : 0;
	return 0;
}

/* With all that is known of it. */
static int thread_judge(struct dump *d, const struct task *t, struct thread *th)
{
	const struct view_thread *view = d->has_view ? taskview_find(&d->view, th->tid) : NULL;
	int r = regs_read_tls(th, !view || view->has_tls);

	if (r < 0)
		return fail(-r, "read TLS entries");
	waiting_left(d, th);
	block_status(t, th);
	modes_block(d, t, th);
	r = seccomp_read(d, t, th);
	return r < 0 ? r : sigqueue_dump(&d->arena, th, false, &th->pending);
}

static int zombie_read(struct task *t)
{
	t->exit_code = t->stat.exit_code;
	return 0;
}

static int task_read_alive(struct dump *d, struct task *t)
{
	task_block_ns(d, t);
	if (t->abi == TASK_ABI_X32)
		blocker(NULL, "pid %d (%s): is an x32 program, which cannot be kept", (int)t->pid,
			t->comm);
	if (t->frozen_cgroup)
		blocker("thaw it first: crtool itself stops all at one instant",
			"pid %d (%s): its cgroup %s is frozen (cgroup.freeze)", (int)t->pid,
			t->comm, t->frozen_cgroup);
	for (size_t i = 0; i < t->nr_threads; i++) {
		int r = thread_judge(d, t, &t->threads[i]);

		if (r < 0)
			return fail_at(r, "thread %d", (int)t->threads[i].tid);
	}
	return sigqueue_dump(&d->arena, &t->threads[0], true, &t->pending);
}

/* With what ptrace tells, and all that follows from it. */
static int task_read(struct dump *d, struct task *t)
{
	memcpy(t->comm, t->stat.comm, sizeof(t->comm));
	t->ppid = t->stat.ppid;
	t->pgid = t->stat.pgrp;
	t->sid = t->stat.session;
	t->exit_signal = t->stat.exit_signal;
	if (!t->nr_threads)
		return zombie_read(t);
	/* Of a stopped task: 0 when its parent has heard of it. */
	t->exit_code = t->kind == TASK_STOPPED ? t->stat.exit_code : 0;
	if (t->leader_ended && t->leader_exit_code & 0x7f)
		blocker(NULL,
			"pid %d (%s): its main thread was killed by signal %d before the others, "
			"which cannot be kept",
			(int)t->pid, t->comm, t->leader_exit_code & 0x7f);
	return task_read_alive(d, t);
}

/* --- /proc: on all processors ----------------------------------------------------- */

/* What views are of. */
enum { SEEN_THREADS, SEEN_PROCESSES, SEEN_NR };

struct reading {
	struct dump *d;
	struct task_thread *others; /* threads that are not leaders, of all tasks */
	size_t nr_others;
	bool many_tasks; /* of few, mappings and processes are not looked at all together */
	bool has_views, is_seen[SEEN_NR];
	struct stuck_seen seen[PARALLEL_WORKERS_MAX];
	struct alike alike[PARALLEL_WORKERS_MAX];
	struct proc_buf buf[PARALLEL_WORKERS_MAX];
};

static int thread_read_status(struct thread *th, struct alike *a, struct proc_buf *b)
{
	int r = alike_status_read(a, th->tid, b, &th->status);

	if (r < 0)
		return fail(-r, "read status of thread %d", (int)th->tid);
	memcpy(th->comm, th->status.comm, sizeof(th->comm));
	return 0;
}

#define AUXV_MAX 128

static int auxv_read(struct task *t, int proc, struct alike *a, struct proc_buf *b)
{
	uint64_t words[AUXV_MAX];
	size_t nr = 0;
	int r = alike_auxv_read(a, t->pid, proc, b, words, AUXV_MAX, &nr);

	if (r < 0)
		return fail(-r, "read auxv");
	while (nr >= 2 && !words[nr - 2])
		nr -= 2;
	t->auxv = mem_dup(words, nr * sizeof(*words));
	t->nr_auxv = nr;
	return 0;
}

static int links_read(struct task *t, int proc, struct alike *a)
{
	static const char *const names[VIEW_LINKS] = { "exe", "cwd", "root" };
	struct task_link *const to[VIEW_LINKS] = { &t->exe, &t->cwd, &t->root };

	for (size_t i = 0; i < VIEW_LINKS; i++) {
		int r = alike_link_read(a, task_tid(t), proc, (enum view_link)i, &to[i]->path,
					&to[i]->st);

		if (r < 0)
			return fail(-r, "read the link %s", names[i]);
	}
	return 0;
}

/* What a visitor has to know. Not smaps, for which the kernel looks at each page. */
static int outline_read(struct task *t, int proc, struct proc_buf *b)
{
	int r = proc_maps_read(proc, b, &t->vmas);

	if (r < 0)
		return fail(-r, "read maps");
	r = compat_read(t, proc, b);
	return r < 0 ? fail(-r, "read auxv and exe") : 0;
}

static int alive_read(const struct dump *d, struct task *t, int proc, struct alike *a,
		      struct proc_buf *b)
{
	int r = alike_ns_read(a, task_tid(t), proc, &t->ns);

	if (r < 0)
		return fail(-r, "read namespaces");
	r = thread_read_status(&t->threads[0], a, b);
	if (r >= 0)
		r = modes_read(d, t, &t->threads[0], b);
	if (r < 0)
		return r;
	r = alike_limits_read(a, task_tid(t), proc, b, &t->limits);
	if (r < 0)
		return fail(-r, "read limits");
	if (d->memory_only)
		return outline_read(t, proc, b);
	r = alike_timers_read(a, t->pid, proc, b, &t->timers);
	if (r < 0 && r != -ENOENT)
		return fail(-r, "read timers");
	r = alike_smaps_read(a, t->pid, proc, b, &t->vmas);
	if (r < 0)
		return fail(-r, "read smaps");
	r = compat_read(t, proc, b);
	if (r < 0)
		return fail(-r, "read auxv and exe");
	r = fdlist_read(d, t, proc, a);
	if (r < 0)
		return fail(-r, "read the list of descriptors");
	r = auxv_read(t, proc, a, b);
	return r < 0 ? r : links_read(t, proc, a);
}

/* A main thread that has ended. */
static int leader_read(struct task *t, int proc, struct proc_buf *b)
{
	struct proc_stat st;
	int r;

	t->leader = mem_alloc(sizeof(*t->leader));
	t->leader->tid = t->pid;
	r = proc_status_read(proc, t->pid, b, &t->leader->status);
	if (r >= 0)
		r = proc_stat_read(proc, t->pid, b, &st);
	if (r < 0)
		return fail(-r, "read status of thread %d", (int)t->pid);
	memcpy(t->leader->comm, st.comm, sizeof(t->leader->comm));
	memcpy(t->stat.comm, st.comm, sizeof(t->stat.comm));
	t->stat.exit_signal = st.exit_signal;
	t->leader_ended = true;
	t->leader_exit_code = st.exit_code;
	return 0;
}

static int leader_call(const struct dump *d, struct task *t)
{
	int r = sched_read(d, &t->threads[0]);

	return r < 0 ? r : thread_call(d, t, &t->threads[0]);
}

static int task_read_proc(void *ctx, size_t i, unsigned int worker)
{
	struct reading *reading = ctx;
	struct task *t = reading->d->tree.tasks[i];
	struct proc_buf *b = &reading->buf[worker];
	cleanup_close int proc = proc_open(task_tid(t));
	int r;

	if (proc < 0)
		return fail(-proc, "open /proc/%d", (int)t->pid);
	r = alike_stat_read(&reading->alike[worker], t->pid, proc, b, &t->stat);
	if (r < 0)
		return fail(-r, "read /proc/%d/stat", (int)t->pid);
	if (!t->nr_threads)
		r = dead_read(reading->d, t, proc, b);
	if (t->nr_threads && task_tid(t) != t->pid)
		r = leader_read(t, proc, b);
	if (r >= 0 && t->nr_threads) {
		const struct view_thread *view = alike_seen(&reading->alike[worker], task_tid(t));
		const char *frozen = stuck_frozen(reading->d, proc, view ? view->cgroups : 0, b,
						  &reading->seen[worker]);

		t->frozen_cgroup = frozen ? mem_strdup(frozen) : NULL;
		r = alive_read(reading->d, t, proc, &reading->alike[worker], b);
		if (r >= 0)
			r = fail_at(leader_call(reading->d, t), "thread %d", (int)task_tid(t));
	}
	return r < 0 ? fail_at(r, "pid %d (%s)", (int)t->pid, t->stat.comm) : 0;
}

static int thread_read_proc(void *ctx, size_t i, unsigned int worker)
{
	struct reading *reading = ctx;
	const struct task_thread *at = &reading->others[i];
	struct proc_buf *b = &reading->buf[worker];
	int r = thread_read_status(at->thread, &reading->alike[worker], b);

	if (r >= 0)
		r = modes_read(reading->d, at->task, at->thread, b);
	if (r >= 0)
		r = fail_at(thread_call(reading->d, at->task, at->thread), "thread %d",
			    (int)at->thread->tid);
	return r < 0 ? fail_at(r, "pid %d (%s)", (int)at->task->pid, at->task->stat.comm) : 0;
}

static bool worth_a_view(size_t nr_tasks, size_t nr_others)
{
	return nr_tasks >= MANY_TASKS || nr_others >= MANY_THREADS;
}

/* Of all that stand still, or of none. */
static bool view_is_complete(const struct dump *d)
{
	struct task *t;

	tasks_for_each(t, &d->tree)
		for (size_t i = 0; i < t->nr_threads; i++)
			if (!taskview_find(&d->view, t->threads[i].tid))
				return false;
	return true;
}

static bool view_open(struct dump *d, unsigned int of)
{
	int r = d->view_is_open ? 0 : taskview_open(&d->view, of);

	d->view_is_open = r >= 0;
	if (r < 0)
		log_info("all of /proc is read for each task: no view of the kernel: %s",
			 strerror(-r));
	return r >= 0;
}

/* Where there is little else on this machine. */
static void view_read_vmas(struct dump *d, size_t nr_threads)
{
	uint64_t *mms;

	if (d->view.nr / 3 > nr_threads)
		return;
	mms = mem_alloc(d->tree.nr * sizeof(*mms));
	for (size_t i = 0; i < d->tree.nr; i++) {
		const struct task *t = d->tree.tasks[i];
		const struct view_thread *seen = taskview_find(&d->view, task_tid(t));

		mms[i] = seen ? seen->mm : 0;
	}
	taskview_read_vmas(&d->view, mms, d->tree.nr, d->tree.nr * VMAS_USUAL);
	free(mms);
}

/* Of a few processes only; else by one pass over all, whatever there is beside the tree. */
static int view_read_threads(const struct reading *reading)
{
	struct dump *d = reading->d;
	pid_t pids[MANY_TASKS];
	size_t nr = 0;
	int r;

	for (size_t i = 0; i < d->tree.nr && !reading->many_tasks; i++)
		if (d->tree.tasks[i]->nr_threads)
			pids[nr++] = d->tree.tasks[i]->pid;
	r = taskview_read(&d->view, pids, nr);
	if (r < 0 || !view_is_complete(d))
		return r < 0 ? r : -ESRCH;
	if (reading->many_tasks)
		view_read_vmas(d, d->tree.nr + reading->nr_others);
	return 0;
}

static int view_read_processes(struct dump *d)
{
	pid_t *pids;
	int r;

	if (d->view.processes < 0)
		return 0;
	pids = mem_alloc(d->tree.nr * sizeof(*pids));
	for (size_t i = 0; i < d->tree.nr; i++)
		pids[i] = d->tree.tasks[i]->pid;
	r = taskview_read_processes(&d->view, pids, d->tree.nr);
	free(pids);
	return r;
}

static void views_take(struct reading *reading)
{
	struct dump *d = reading->d;

	d->has_view = reading->is_seen[SEEN_THREADS] &&
		      (reading->is_seen[SEEN_PROCESSES] || !reading->many_tasks);
	if (reading->has_views && !d->has_view) {
		log_info("all of /proc is read for each task: the view of the kernel is not "
			 "complete");
		d->view.nr = d->view.nr_processes = 0;
	}
	for (size_t k = 0; k < PARALLEL_WORKERS_MAX; k++) {
		reading->alike[k].view = d->has_view ? &d->view : d->learnt.view;
		alike_take_flags(&reading->alike[k], &d->learnt);
	}
}

/* While the thread of crtool that may do so traces. */
static int view_read(void *ctx, size_t which, unsigned int worker)
{
	struct reading *reading = ctx;
	struct dump *d = reading->d;
	int r;

	if (reading->has_views) {
		r = which == SEEN_THREADS ? view_read_threads(reading) : view_read_processes(d);
		reading->is_seen[which] = r >= 0;
	}
	if (reading->many_tasks)
		return 0;
	views_take(reading);
	r = 0;
	for (size_t i = 0; i < d->tree.nr && r >= 0; i++)
		r = task_read_proc(reading, i, worker);
	return r;
}

static int read_and_trace(struct reading *reading)
{
	struct dump *d = reading->d;
	size_t nr_views = reading->many_tasks ? SEEN_NR : 1;
	int r, traced = 0;

	reading->has_views =
	    worth_a_view(d->tree.nr, reading->nr_others) && view_open(d, VIEW_OF_ALL);
	if (d->tree.nr + reading->nr_others >= MANY_TRACED) {
		struct parallel *p = parallel_beside(nr_views, view_read, reading);

		traced = trace_threads(d);
		r = parallel_end(p);
	} else {
		r = 0;
		for (size_t i = 0; i < nr_views && r >= 0; i++)
			r = view_read(reading, i, 0);
		traced = r < 0 ? r : trace_threads(d);
	}
	r = traced < 0 ? traced : r;
	if (r >= 0 && reading->many_tasks) {
		views_take(reading);
		r = parallel_for(d->tree.nr, task_read_proc, reading);
	}
	return r < 0 ? r : parallel_for(reading->nr_others, thread_read_proc, reading);
}

static int read_procs(struct dump *d)
{
	struct reading reading = { .d = d, .many_tasks = d->tree.nr >= MANY_TASKS };
	int r;

	reading.nr_others = tree_other_threads(&d->tree, &reading.others);
	r = read_and_trace(&reading);
	free(reading.others);
	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++) {
		proc_buf_done(&reading.buf[i]);
		stuck_seen_done(&reading.seen[i]);
		alike_done(&reading.alike[i]);
	}
	return r;
}

/* Sessions and groups must be of the tree, or the terminal's that the job was started on. */
static void block_session(const struct dump *d, const struct task *t)
{
	static const char hint[] = "use --shell-job, or start it with setsid(1)";
	const struct task *root = d->tree.tasks[0];

	if (d->s->opts->shell_job)
		return;
	if (root->sid != root->pid && !t->parent)
		blocker(hint,
			"pid %d (%s): belongs to session %d, whose leader is outside the tree",
			(int)t->pid, t->comm, (int)t->sid);
	else if (t == root && root->pgid != root->pid && !tree_find(&d->tree, t->pgid))
		blocker(hint,
			"pid %d (%s): belongs to process group %d, whose leader is outside "
			"the tree",
			(int)t->pid, t->comm, (int)t->pgid);
}

/* Some have got another parent while the tree was being stopped. */
static void find_parents(struct dump *d)
{
	struct task *t;

	tasks_for_each(t, &d->tree) {
		struct task *now = t->parent ? tree_find(&d->tree, t->stat.ppid) : NULL;

		if (now)
			t->parent = now;
	}
}

/* Of the root and its children: what is further down is not known before all stand still. */
struct outlook {
	bool many_tasks; /* then nothing else is known, or of use */
	size_t threads;
	uint64_t most; /* bytes that one of them has in memory */
	bool many_fds;
};

static void outlook_add(pid_t pid, struct proc_buf *b, struct outlook *o)
{
	cleanup_close int proc = proc_open(pid);
	struct proc_stat st;

	if (proc < 0 || proc_stat_read(proc, 0, b, &st) < 0)
		return;
	o->many_fds |= fdlist_is_long(fdlist_number(proc));
	o->threads += (size_t)st.num_threads;
	if (st.rss_pages * PAGE_BYTES > o->most)
		o->most = st.rss_pages * PAGE_BYTES;
}

static struct outlook look_around(struct dump *d)
{
	pid_t root = d->s->opts->tree;
	cleanup_close int proc = proc_open(root);
	cleanup_proc_pids struct proc_pids children = { 0 };
	struct outlook all = { 0 };

	if (proc >= 0)
		proc_children_read(proc, root, &d->buf, &children);
	all.many_tasks = worth_a_view(1 + children.nr, 0);
	if (all.many_tasks)
		return all;
	outlook_add(root, &d->buf, &all);
	for (size_t i = 0; i < children.nr; i++)
		outlook_add(children.v[i], &d->buf, &all);
	return all;
}

/* The types of the kernel are read while the tree runs. smaps takes its time where there is much
 * memory: see kernel/alike_probe.c. */
static void view_prepare(struct dump *d, struct outlook o)
{
	bool large = !d->memory_only &&
		     (o.many_tasks || o.most >= LARGE_BYTES || worth_a_view(0, o.threads));
	unsigned int of = o.many_fds ? VIEW_OF_FILES : 0;

	if (large)
		of |= VIEW_OF_VMAS | VIEW_OF_FILES;
	if (worth_a_view(0, o.threads))
		of |= VIEW_OF_THREADS | VIEW_OF_CALLS | VIEW_OF_KIN;
	if (o.many_tasks)
		of = VIEW_OF_ALL;
	if (!of || !view_open(d, of) || !large)
		return;
	d->learnt.view = &d->view;
	if (alike_learn_flags(&d->learnt) < 0)
		alike_done(&d->learnt);
}

void collect_done(struct dump *d)
{
	alike_done(&d->learnt);
	if (d->view_is_open)
		taskview_done(&d->view);
}

int collect_prepare(struct dump *d)
{
	cleanup_close int self = proc_open(getpid());
	int r = self < 0 ? self : proc_ns_read(self, 0, &d->own_ns);

	if (r < 0)
		return fail(-r, "read /proc/self/ns");
	d->nr_processors = (size_t)get_nprocs_conf();
	d->one_node = mempolicy_one_node();
	d->default_slice = sched_default_slice();
	d->has_coresched = coresched_is_there();
	modes_init(d);
	view_prepare(d, look_around(d));
	return 0;
}

int collect_tasks(struct dump *d)
{
	struct task *t;
	int r;

	tree_index(&d->tree);
	r = read_procs(d);
	if (r < 0)
		return r;
	find_parents(d);
	tasks_for_each(t, &d->tree) {
		r = task_read(d, t);
		if (r < 0)
			return task_fail_at(r, t);
		task_advance(t, TASK_KNOWN);
	}
	tasks_for_each(t, &d->tree)
		block_session(d, t);
	return 0;
}
