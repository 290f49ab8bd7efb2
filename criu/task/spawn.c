// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/syscalls.h"
#include "criu/task/attrs.h"
#include "criu/task/dead.h"
#include "criu/task/forkshare.h"

/* From here on down no helper gets a number: these are for system services. */
#define HELPER_PID_LEAST 300
#define LINGER_US        5000000u
#define NUMBER_WAIT_US   500000u
#define CREATED_KILLED   2 /* in restore.created */

typedef void (*task_body)(struct restore *r, struct task *t);

static void node_main(struct restore *r, struct fork_node *n, task_body body)
    __attribute__((noreturn));

/* The forker's side of what follows from shared ids. */
static uint64_t clone_flags(const struct fork_node *parent, const struct fork_node *n)
{
	if (!parent->task || !n->task)
		return 0;
	return fork_share_flags(parent->task, n->task) | (n->sibling ? CLONE_PARENT : 0);
}

static int busy_pid(pid_t pid, int err)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int proc = proc_open(pid);
	struct proc_stat st;

	if (err == EPERM)
		return fail_hint(fail(err, "clone pid %d", (int)pid),
				 "run crtool as root, or with CAP_CHECKPOINT_RESTORE");
	if (err != EEXIST)
		return fail(err, "clone pid %d", (int)pid);
	if (proc >= 0 && proc_stat_read(proc, 0, &b, &st) >= 0)
		return fail_plain("pid %d is taken by another process (%s)", (int)pid, st.comm);
	return fail_plain("pid %d is taken: a session or process group has this number", (int)pid);
}

static size_t task_index(const struct restore *r, const struct task *t)
{
	for (size_t i = 0; i < r->tree.nr; i++)
		if (r->tree.tasks[i] == t)
			return i;
	return 0;
}

/* Whoever knows first says so, the forker or the process itself: see spawn_kill(). */
static void node_is_there(struct restore *r, const struct fork_node *n)
{
	uint8_t *created = n->task ? &r->created[task_index(r, n->task)] : NULL, none = 0;

	if (created)
		__atomic_compare_exchange_n(created, &none, 1, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
}

/* A child is born to the timer slack that is to be its default: ours, for the moment. */
static void slack_lend(const struct fork_node *n)
{
	if (n->task && task_is_alive(n->task))
		prctl(PR_SET_TIMERSLACK,
		      attrs_slack_default(n->task->restore->cores[0]->thread_core), 0, 0, 0);
}

/*
 * What its parent is to hear of its end. The parent of the root is crtool, and whoever takes it
 * over from crtool: to both it is a child as any other.
 */
static int exit_signal(const struct fork_node *n)
{
	return n->task && n->parent ? n->task->exit_signal : SIGCHLD;
}

/* The highest numbers are the last that anybody else would get. */
static pid_t helper_number(const struct restore *r, pid_t after)
{
	pid_t pid = after ? after : r->helper_pid_max;

	do
		pid--;
	while (fork_plan_uses(r->plan, pid));
	return pid;
}

/*
 * The kernel takes a process that was reaped out of /proc, with a directory entry for each
 * descriptor that it had and somebody looked at, before its number is free.
 */
static pid_t clone_as(uint64_t flags, int exit_signal, pid_t pid)
{
	uint64_t deadline = 0;

	for (;;) {
		pid_t ret = sys_clone_pid(flags, exit_signal, pid);

		if (ret != -EEXIST || kill(pid, 0) == 0 || errno != ESRCH)
			return ret;
		if (!deadline)
			deadline = clock_us() + NUMBER_WAIT_US;
		if (clock_us() > deadline)
			return ret;
		poll(NULL, 0, 1);
	}
}

/* In the child 0. A helper that may have any number gets one that nobody is to have. */
static pid_t node_clone_pid(const struct restore *r, struct fork_node *n, uint64_t flags)
{
	/* A sibling has our own exit signal, and clone3(2) takes no other. */
	int signo = flags & CLONE_PARENT ? 0 : exit_signal(n);
	pid_t pid, number = 0;

	slack_lend(n);
	if (n->pid)
		return clone_as(flags, signo, n->pid);
	do {
		number = helper_number(r, number);
		pid = sys_clone_pid(flags, signo, number);
	} while (pid == -EEXIST && number > HELPER_PID_LEAST);
	n->pid = number;
	return pid;
}

/* Returns in the parent. */
static int node_clone(struct restore *r, struct fork_node *n, uint64_t flags, task_body body)
{
	pid_t pid = node_clone_pid(r, n, flags);

	if (pid == 0)
		node_main(r, n, body);
	if (pid < 0)
		return busy_pid(n->pid, -pid);
	node_is_there(r, n);
	return 0;
}

enum child_sort { CHILD_LENT, CHILD_EARLY, CHILD_LATE, CHILD_BARE };

static enum child_sort child_sort(const struct fork_node *c)
{
	if (c->task && c->task->restore->is_bare)
		return CHILD_BARE;
	if (c->lent)
		return CHILD_LENT;
	return c->early ? CHILD_EARLY : CHILD_LATE;
}

static int fork_children(struct restore *r, struct fork_node *n, enum child_sort sort,
			 task_body body)
{
	for (struct fork_node *c = n->children; c; c = c->next) {
		int ret = child_sort(c) == sort ? node_clone(r, c, clone_flags(n, c), body) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Those that are to have what it carries are there: now it takes its own. */
static int share_leave(const struct fork_node *n)
{
	int flags = n->task ? fork_share_leaves(n->task) : 0;

	return flags && unshare(flags) < 0 ? fail(errno, "unshare %#x", flags) : 0;
}

/* By the bare system call: sigaction(3) hides two signals that libc itself uses. */
static void signal_dispose(int sig, uint64_t handler)
{
	const uint64_t sa[4] = { handler };

	syscall(SYS_rt_sigaction, sig, sa, NULL, 8);
}

static void signals_reset(void)
{
	for (int sig = 1; sig <= 64; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			signal_dispose(sig, (uint64_t)(uintptr_t)SIG_DFL);
}

/* With a helper, it goes on when its leader joins another. */
static int group_found(const struct fork_node *n)
{
	if (n->founds && setpgid(0, 0) < 0)
		return fail(errno, "found process group %d", (int)n->pid);
	for (const struct fork_node *c = n->children; c; c = c->next)
		if (c->keeper && setpgid(c->pid, n->pid) < 0)
			return fail(errno, "keep process group %d", (int)n->pid);
	return 0;
}

static int node_settle(struct restore *r, struct fork_node *n, task_body body)
{
	int ret = fork_children(r, n, CHILD_LENT, body);

	if (ret >= 0)
		ret = share_leave(n);
	if (ret >= 0)
		ret = fork_children(r, n, CHILD_EARLY, body);
	if (ret < 0)
		return ret;
	if (n->setsid && setsid() < 0)
		return fail(errno, "setsid");
	if (n->setsid && n->task && task_is_alive(n->task))
		ret = r->session_made(r, n->task);
	if (ret < 0)
		return ret;
	if (n->adopts & 1 && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return fail(errno, "become a subreaper");
	ret = fork_children(r, n, CHILD_LATE, body);
	return ret < 0 ? ret : group_found(n);
}

/* Zombies stay children; whoever forked them. */
static int wait_for_zombies(const struct fork_node *n)
{
	for (const struct fork_node *c = n->dead; c; c = c->next_dead) {
		siginfo_t info;

		if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | __WALL | WNOWAIT) < 0)
			return fail(errno, "wait for pid %d to end", (int)c->pid);
	}
	return 0;
}

static void signal_forget(int sig)
{
	signal_dispose(sig, (uint64_t)(uintptr_t)SIG_IGN);
	signal_dispose(sig, (uint64_t)(uintptr_t)SIG_DFL);
}

/* What those that ended here, or were left to us, have sent must not be seen by the task:
 * ignoring it drops it. */
static void forget_deaths(const struct fork_node *n)
{
	signal_forget(SIGCHLD);
	for (const struct fork_node *c = n->dead; c; c = c->next_dead)
		signal_forget(c->task->exit_signal);
}

static int groups_join(struct restore *r, struct fork_node *n, task_body body)
{
	int ret;

	if (n == r->plan->nodes[0])
		signals_reset(); /* the others inherit it */
	ret = node_settle(r, n, body);
	if (ret < 0)
		return ret;
	stage_done(r->stage);
	if (!r->plan->joins)
		return 0;
	stage_enter(r->stage, STAGE_GROUPS, r->crtool_pidfd);
	if (n->join && setpgid(0, n->join) < 0)
		return fail(errno, "join process group %d", (int)n->join);
	stage_done(r->stage);
	return 0;
}

/* --- helpers end -------------------------------------------------------------------- */

/* A turn has two stages: who adopts is ready for it; helpers have ended. The first turn's
 * first is over before: see node_settle(). */
static enum stage turn_ready(uint32_t turn)
{
	return (enum stage)(STAGE_ORPHANS + 2 * turn);
}

static enum stage turn_over(uint32_t turn)
{
	return (enum stage)(STAGE_ORPHANS + 2 * turn + 1);
}

static int helpers_reap(const struct fork_node *n, uint32_t turn)
{
	for (const struct fork_node *c = n->children; c; c = c->next)
		if (!c->task && c->turn == turn && waitpid(c->pid, NULL, 0) < 0)
			return fail(errno, "wait for pid %d to end", (int)c->pid);
	return 0;
}

static int turn_pass(struct restore *r, const struct fork_node *n, uint32_t turn)
{
	int ret;

	if (turn) {
		stage_enter(r->stage, turn_ready(turn), r->crtool_pidfd);
		if (n->adopts && prctl(PR_SET_CHILD_SUBREAPER, n->adopts >> turn & 1) < 0)
			return fail(errno, "become a subreaper");
		stage_done(r->stage);
	}
	stage_enter(r->stage, turn_over(turn), r->crtool_pidfd);
	ret = helpers_reap(n, turn);
	if (ret < 0)
		return ret;
	stage_done(r->stage);
	if (!n->task && n->turn == turn)
		_exit(0);
	return 0;
}

/* Those come later: flow/restore_bare.h. */
static uint32_t nr_bare(const struct restore *r)
{
	uint32_t nr = 0;

	for (size_t i = 0; i < r->tree.nr; i++)
		nr += r->tree.tasks[i]->restore->is_bare;
	return nr;
}

int spawn_groups(struct restore *r, int (*stage)(struct restore *r, enum stage s, uint32_t nr))
{
	return r->plan->joins ? stage(r, STAGE_GROUPS, spawn_nr(r)) : 0;
}

int spawn_end(struct restore *r, int (*stage)(struct restore *r, enum stage s, uint32_t nr))
{
	for (uint32_t turn = 0; turn < r->plan->nr_turns; turn++) {
		uint32_t left = (uint32_t)fork_plan_left(r->plan, turn) - nr_bare(r);
		int ret = turn ? stage(r, turn_ready(turn), left) : 0;

		if (ret >= 0)
			ret = stage(r, turn_over(turn), left);
		if (ret < 0)
			return ret;
	}
	return r->plan->ends ? stage(r, STAGE_DEATHS, spawn_nr_forked(r)) : 0;
}

static void node_fail(struct restore *r, const struct fork_node *n, int err)
    __attribute__((noreturn));

static void node_fail(struct restore *r, const struct fork_node *n, int err)
{
	if (n->task)
		task_fail_at(err, n->task);
	stage_fail(r->stage, n->pid, err);
}

static int deaths_pass(struct restore *r, const struct fork_node *n)
{
	int ret;

	stage_enter(r->stage, STAGE_DEATHS, r->crtool_pidfd);
	if (task_is_alive(n->task))
		ret = wait_for_zombies(n);
	else
		ret = dead_become(r, n->task);
	if (ret < 0)
		return ret;
	forget_deaths(n);
	stage_done(r->stage);
	return 0;
}

static void node_main(struct restore *r, struct fork_node *n, task_body body)
{
	int ret;

	node_is_there(r, n);
	ret = groups_join(r, n, body);
	for (uint32_t turn = 0; turn < r->plan->nr_turns && ret >= 0; turn++)
		ret = turn_pass(r, n, turn);
	if (ret >= 0 && r->plan->ends)
		ret = deaths_pass(r, n);
	if (ret < 0)
		node_fail(r, n, ret);
	body(r, n->task);
	_exit(1);
}

int spawn_numbers(struct restore *r)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	uint32_t max = 0;
	pid_t last = 0;
	int ret = proc_pid_max_read(&b, &max);

	if (ret < 0)
		return fail(-ret, "read /proc/sys/kernel/pid_max");
	r->helper_pid_max = (pid_t)max;
	for (size_t i = 0; i < SPARE_PIDS; i++)
		r->spare_pids[i] = last = helper_number(r, last);
	return 0;
}

int spawn_root(struct restore *r, task_body body)
{
	uint64_t flags = r->s->opts->sibling ? CLONE_PARENT : 0;
	int slack = prctl(PR_GET_TIMERSLACK), ret;
	sigset_t all, old;

	/* Tasks begin with every signal blocked: their masks come back with their registers. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	ret = node_clone(r, r->plan->nodes[0], flags, body);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (slack > 0)
		prctl(PR_SET_TIMERSLACK, (unsigned long)slack, 0, 0, 0);
	return ret;
}

uint32_t spawn_nr(const struct restore *r)
{
	return (uint32_t)r->plan->nr - nr_bare(r);
}

uint32_t spawn_nr_alive(const struct restore *r)
{
	uint32_t nr = 0;

	for (size_t i = 0; i < r->tree.nr; i++)
		nr += task_is_alive(r->tree.tasks[i]);
	return nr;
}

uint32_t spawn_nr_forked(const struct restore *r)
{
	return spawn_nr_alive(r) - nr_bare(r);
}

/* 0 while the process runs; what it ended by. */
static int pid_alive(pid_t pid)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int proc = proc_open(pid);
	struct proc_stat st;

	if (proc < 0 || proc_stat_read(proc, 0, &b, &st) < 0)
		return fail_plain("ended while it was restored");
	if (st.state != 'Z' && st.state != 'X')
		return 0;
	if (st.exit_code & 0x7f)
		return fail_plain("ended by signal %d while it was restored", st.exit_code & 0x7f);
	return fail_plain("ended while it was restored");
}

int spawn_alive(void *restore)
{
	struct restore *r = restore;
	uint32_t stage = __atomic_load_n(&r->stage->stage, __ATOMIC_SEQ_CST);
	struct task *t;

	tasks_for_each(t, &r->tree) {
		int ret;

		/* Who is to be dead in the end is alive until then. */
		if (!r->created[i_t] || (!task_is_alive(t) && stage >= STAGE_DEATHS))
			continue;
		ret = pid_alive(t->pid);
		if (ret < 0)
			return task_fail_at(ret, t);
	}
	/* Helpers are all there once the forking is done, until their turn comes. */
	for (size_t i = 0; i < r->plan->nr && stage >= STAGE_GROUPS && stage < STAGE_DEATHS; i++) {
		const struct fork_node *n = r->plan->nodes[i];
		int ret = n->task || !n->pid || stage >= turn_over(n->turn) ? 0 : pid_alive(n->pid);

		if (ret < 0)
			return fail_at(ret, "pid %d (a helper of the restore)", (int)n->pid);
	}
	return 0;
}

/* From the leaves: who is killed last has nobody left to hand over. Nobody is killed twice: the
 * number could be another's by then. */
static void kill_known(struct restore *r)
{
	for (size_t i = r->tree.nr; i-- > 0;) {
		pid_t pid = r->tree.tasks[i]->pid;
		uint8_t is_there = 1;

		if (!__atomic_compare_exchange_n(&r->created[i], &is_there, CREATED_KILLED, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			continue;
		if (kill(pid, SIGKILL) < 0 && errno != ESRCH)
			log_warn("kill pid %d: %s", (int)pid, strerror(errno));
	}
}

/* With --sibling, crtool is not their reaper: some may still be on their way out. */
static bool some_linger(const struct restore *r)
{
	cleanup_proc_buf struct proc_buf b = { 0 };

	for (size_t i = 0; i < r->tree.nr && r->s->opts->sibling; i++) {
		struct proc_stat st = { .state = 'X' };
		cleanup_close int proc = -1;

		if (!__atomic_load_n(&r->created[i], __ATOMIC_SEQ_CST))
			continue;
		proc = proc_open(r->tree.tasks[i]->pid);
		if (proc >= 0 && proc_stat_read(proc, 0, &b, &st) >= 0 && st.state != 'Z' &&
		    st.state != 'X')
			return true;
	}
	return false;
}

/*
 * crtool is the reaper of last resort of all of them (flow/restore.c), so when it has no child
 * left, none is left. One that was just being made is not known in the first round; it
 * sees that the restore has failed, or is known in the next.
 */
void spawn_kill(struct restore *r)
{
	uint64_t deadline = clock_us() + LINGER_US;

	if (!r->created)
		return;
	stage_abort(r->stage);
	for (;;) {
		pid_t pid;

		kill_known(r);
		while ((pid = waitpid(-1, NULL, __WALL | WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD && (!some_linger(r) || clock_us() > deadline))
			return;
		poll(NULL, 0, 1);
	}
}
