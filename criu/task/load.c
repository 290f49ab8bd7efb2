// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/load.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/image/reader.h"
#include "criu/kernel/proc.h"
#include "criu/task/attrs.h"
#include "criu/task/autogroup.h"
#include "criu/task/compat.h"
#include "criu/task/creds.h"
#include "criu/task/dead.h"
#include "criu/task/dispatch.h"
#include "criu/task/modes.h"
#include "criu/task/regs.h"
#include "criu/task/sched.h"
#include "criu/task/seccomp.h"
#include "criu/task/signals.h"
#include "criu/task/timers.h"
#include "images/pstree.pb-c.h"

#define PID_LIMIT      4194304u /* PID_MAX_LIMIT of 64-bit kernels */
#define SIGNALS_MAX    64u
#define THREADS_MAX    1000000u
#define ZOMBIE_WAIT_US 3000000u

static int pid_check(uint32_t pid, const char *what)
{
	return pid == 0 || pid > PID_LIMIT ? fail_plain("pstree.img: %s %u", what, pid) : 0;
}

static int pstree_entry_check(const PstreeEntry *e)
{
	int r = pid_check(e->pid, "pid");

	if (r >= 0 && e->n_threads == 0)
		r = fail_plain("pstree.img: pid %u has no threads", e->pid);
	if (r >= 0 && e->n_threads > THREADS_MAX)
		r = fail_plain("pstree.img: pid %u has %zu threads", e->pid, e->n_threads);
	for (size_t i = 1; i < e->n_threads && r >= 0; i++)
		r = pid_check(e->threads[i], "thread");
	if (r >= 0 && e->threads[0] && e->threads[0] != e->pid)
		r = fail_plain("pstree.img: pid %u: its first thread is %u", e->pid, e->threads[0]);
	return r;
}

static int pstree_entry_load(struct restore *r, struct map *by_pid, const PstreeEntry *e)
{
	struct task *t, *parent;
	int ret = pstree_entry_check(e);

	if (ret < 0)
		return ret;
	if (map_get(by_pid, e->pid))
		return fail_plain("pstree.img: pid %u twice", e->pid);
	parent = map_get(by_pid, e->ppid);
	if (r->tree.nr && !parent)
		return fail_plain("pstree.img: pid %u: its parent %u is not before it", e->pid,
				  e->ppid);
	t = tree_add(&r->tree, (pid_t)e->pid, parent);
	map_put(by_pid, e->pid, t);
	t->ppid = (pid_t)e->ppid;
	t->pgid = (pid_t)e->pgid;
	t->sid = (pid_t)e->sid;
	if (e->threads[0])
		tree_set_threads(&r->tree, t, e->threads, e->n_threads);
	return 0;
}

static int pstree_load(struct restore *r)
{
	struct map by_pid = { 0 };
	struct image_reader *img;
	ProtobufCMessage *m;
	int ret = image_reader_open(r->s->images, IMAGE_PSTREE, 0, &img);

	if (ret == 0 && r->inventory->has_pre_dump_mode)
		return fail_hint(
		    fail_plain("%s: a pre-dump: it has memory only", image_dir_path(r->s->images)),
		    "restore the dump that builds upon it");
	if (ret <= 0)
		return ret < 0 ? ret : fail_plain("pstree.img is missing");
	while ((ret = image_read(img, &m)) > 0) {
		ret = pstree_entry_load(r, &by_pid, (const PstreeEntry *)m);
		protobuf_c_message_free_unpacked(m, NULL);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	map_done(&by_pid);
	if (ret >= 0 && !r->tree.nr)
		return fail_plain("pstree.img lists no process");
	return ret;
}

static int core_check(const CoreEntry *c, bool leader, bool ignore_cpu)
{
	int r;

	if (c->mtype != CORE_ENTRY__MARCH__X86_64)
		return fail_plain("registers of another architecture");
	if (leader && !c->tc)
		return fail_plain("has no part of a process");
	if (leader && c->tc->has_exit_signal && c->tc->exit_signal > SIGNALS_MAX)
		return fail_plain("sends signal %u at its end", c->tc->exit_signal);
	if (leader && c->tc->task_state == TASK_ZOMBIE)
		return dead_load_check(c);
	if (!c->thread_core || (!c->thread_info && !(leader && c->thread_core->has_exit_code)))
		return fail_plain("has no registers or no part of a thread");
	if (leader && c->thread_core->exit_code & ~0xff00u)
		return fail_plain("its main thread has ended with status %#x",
				  c->thread_core->exit_code);
	r = c->thread_info ? regs_load_check(c->thread_info, ignore_cpu) : 0;
	if (r >= 0)
		r = signals_load_check(c);
	if (r >= 0)
		r = attrs_load_check(c->thread_core);
	if (r >= 0)
		r = modes_load_check(c->thread_core);
	if (r >= 0)
		r = dispatch_load_check(c->thread_core);
	if (r >= 0)
		r = sched_load_check(c->thread_core);
	if (r >= 0 && c->thread_core->creds)
		r = creds_load_check(c->thread_core->creds);
	if (r >= 0 && c->tc)
		r = autogroup_load_check(c->tc);
	if (r >= 0 && c->tc)
		r = modes_process_check(c->tc);
	if (r >= 0 && c->tc)
		r = timers_load_check(c->tc->timers);
	return r;
}

static int core_load(struct restore *r, pid_t tid, bool leader, ProtobufCAllocator *from,
		     CoreEntry **ret)
{
	ProtobufCMessage *m = NULL;
	int err = image_get_from(r->s->images, IMAGE_CORE, (uint64_t)tid, from, &m);

	if (err < 0)
		return err;
	*ret = (CoreEntry *)m;
	err = core_check(*ret, leader, r->s->opts->cpu_cap_none);
	return err < 0 ? fail_at(err, "core-%d.img", (int)tid) : 0;
}

static int task_kind_load(struct task *t, const TaskCoreEntry *tc)
{
	if (tc->task_state < TASK_ALIVE || tc->task_state > TASK_STOPPED)
		return fail_plain("core-%d.img: state %u", (int)t->pid, tc->task_state);
	t->kind = (enum task_kind)tc->task_state;
	t->exit_code = (int)tc->exit_code;
	t->exit_signal = tc->has_exit_signal ? (int)tc->exit_signal : SIGCHLD;
	t->stop_sig = tc->has_stop_signo ? (int)tc->stop_signo : SIGSTOP;
	if (t->kind == TASK_STOPPED && t->stop_sig != SIGSTOP && t->stop_sig != SIGTSTP &&
	    t->stop_sig != SIGTTIN && t->stop_sig != SIGTTOU)
		return fail_plain("core-%d.img: stopped by signal %d", (int)t->pid, t->stop_sig);
	snprintf(t->comm, sizeof(t->comm), "%s", tc->comm);
	if (task_is_alive(t) && !t->nr_threads)
		return fail_plain("pstree.img: pid %d is alive and has no threads", (int)t->pid);
	return 0;
}

/* All but the cores of other threads than the main one. */
static int task_images_load(struct restore *r, struct task *t, ProtobufCAllocator *from)
{
	struct task_restore *tr = t->restore;
	ProtobufCMessage *m = NULL;
	int ret = core_load(r, t->pid, true, from, &tr->cores[0]);

	if (ret >= 0)
		ret = task_kind_load(t, tr->cores[0]->tc);
	if (ret < 0 || !task_is_alive(t))
		return ret;
	t->leader_ended = tr->cores[0]->thread_core->has_exit_code;
	t->leader_exit_code = (int)tr->cores[0]->thread_core->exit_code;
	if (t->leader_ended && t->nr_threads < 2)
		return fail_plain("core-%d.img: its only thread has ended", (int)t->pid);
	ret = image_get_from(r->s->images, IMAGE_IDS, (uint64_t)t->pid, from, &m);
	if (ret < 0)
		return ret;
	tr->ids = (TaskKobjIdsEntry *)m;
	t->ids = (struct task_ids){ tr->ids->vm_id, tr->ids->files_id, tr->ids->fs_id,
				    tr->ids->sighand_id };
	ret = image_get_from(r->s->images, IMAGE_FS, (uint64_t)t->pid, from, &m);
	if (ret < 0)
		return ret;
	tr->fs = (FsEntry *)m;
	return 0;
}

/* Namespaces of their own would come back as crtool's: refused until they can be made. */
static int namespaces_check(const struct restore *r, const struct task *t)
{
	const TaskKobjIdsEntry *own = r->inventory->root_ids, *ids = t->restore->ids;

	if (!own)
		return 0;
	if (own->pid_ns_id != ids->pid_ns_id || own->net_ns_id != ids->net_ns_id ||
	    own->ipc_ns_id != ids->ipc_ns_id || own->uts_ns_id != ids->uts_ns_id ||
	    own->mnt_ns_id != ids->mnt_ns_id || own->user_ns_id != ids->user_ns_id ||
	    own->time_ns_id != ids->time_ns_id)
		return fail_plain("ran in a namespace of its own, which cannot be restored yet");
	return 0;
}

static int task_load(struct restore *r, struct task *t, ProtobufCAllocator *from)
{
	int ret = task_images_load(r, t, from);

	if (ret >= 0 && task_is_alive(t))
		ret = namespaces_check(r, t);
	if (ret < 0)
		return t->comm[0] ? task_fail_at(ret, t) : fail_at(ret, "pid %d", (int)t->pid);
	task_advance(t, TASK_LOADED);
	return 0;
}

/* One thread of a task; with the main one comes what the process has. */
struct part {
	struct task *task;
	size_t thread;
};

struct loading {
	struct restore *r;
	struct part *parts;
	size_t nr, cap;
};

static int part_load(void *ctx, size_t i, unsigned int worker)
{
	const struct loading *l = ctx;
	const struct part *p = &l->parts[i];
	struct task *t = p->task;
	ProtobufCAllocator *from = &l->r->messages[worker];
	int ret;

	if (!p->thread)
		return task_load(l->r, t, from);
	ret = core_load(l->r, t->threads[p->thread].tid, false, from,
			&t->restore->cores[p->thread]);
	return fail_at(ret, "pid %d", (int)t->pid);
}

static int parts_load(struct restore *r)
{
	struct loading l = { .r = r };
	struct task *t;
	int ret;

	tasks_for_each(t, &r->tree) {
		size_t threads = t->nr_threads ? t->nr_threads : 1;

		t->restore = arena_alloc(&r->kept, sizeof(*t->restore));
		t->restore->cores = arena_array(&r->kept, CoreEntry *, threads);
		for (size_t i = 0; i < threads; i++)
			*array_push(l.parts, l.nr, l.cap) = (struct part){ t, i };
	}
	ret = parallel_for(l.nr, part_load, &l);
	free(l.parts);
	return ret;
}

int load_tasks(struct restore *r)
{
	ProtobufCMessage *m = NULL;
	struct task *t;
	int ret = image_get_from(r->s->images, IMAGE_INVENTORY, 0, r->messages, &m);

	if (ret < 0)
		return ret;
	r->inventory = (InventoryEntry *)m;
	if (r->inventory->has_deduplicated && r->inventory->deduplicated)
		return fail_hint(
		    fail_plain("%s: has given up pages (dedup)", image_dir_path(r->s->images)),
		    "restore the last dump that builds upon it");
	ret = pstree_load(r);
	if (ret < 0)
		return ret;
	tree_index(&r->tree);
	ret = parts_load(r);
	if (ret < 0)
		return ret;
	tasks_for_each(t, &r->tree) {
		ret = task_is_alive(t) ? compat_load(t) : 0;
		if (ret < 0)
			return task_fail_at(ret, t);
		r->has_compat |= t->restore->runs_32bit;
	}
	if (!task_is_alive(r->tree.tasks[0]))
		return fail_plain("the root of the tree is a zombie");
	ret = seccomp_load(r);
	if (ret < 0)
		return ret;
	r->root_pid = r->tree.tasks[0]->pid;
	return 0;
}

/* The tree of the dump may have left zombies to init, which gets to them in a moment. */
static bool zombie_leaves(pid_t pid, uint64_t deadline_us)
{
	while (clock_us() < deadline_us) {
		struct pollfd p = { .fd = -1 };

		if (kill(pid, 0) < 0 && errno == ESRCH)
			return true;
		poll(&p, 1, 1);
	}
	return false;
}

static void pid_check_free(pid_t pid, uint64_t deadline_us)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int proc = -1;
	struct proc_stat st;

	if (kill(pid, 0) < 0 && errno == ESRCH)
		return;
	proc = proc_open(pid);
	if (proc < 0 || proc_stat_read(proc, 0, &b, &st) < 0)
		st = (struct proc_stat){ .comm = "on its way out", .state = 'X' };
	if ((st.state == 'Z' || st.state == 'X') && zombie_leaves(pid, deadline_us))
		return;
	blocker(st.state == 'Z' ? "its parent has to wait for it" : "end it first",
		"pid %d is taken by another process (%s)", (int)pid, st.comm);
}

int check_pids(struct restore *r)
{
	uint64_t deadline = clock_us() + ZOMBIE_WAIT_US;
	struct task *t;

	tasks_for_each(t, &r->tree) {
		pid_check_free(t->pid, deadline);
		for (size_t i = 1; i < t->nr_threads; i++)
			pid_check_free(t->threads[i].tid, deadline);
	}
	return blockers_fail();
}
