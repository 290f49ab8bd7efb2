// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/taskview.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/procview.h"
#include "criu/kernel/view_types.h"

/* --- what lies where --------------------------------------------------------------------- */

static const struct btf_name kernel_names[] = {
	[TASK] = { "task_struct", BTF_KIND_STRUCT, 0 },
	[CRED] = { "cred", BTF_KIND_STRUCT, 0 },
	[PID] = { "pid", BTF_KIND_STRUCT, 0 },
	[UPID] = { "upid", BTF_KIND_STRUCT, 0 },
	[SECCOMP] = { "seccomp", BTF_KIND_STRUCT, 0 },
	[FS] = { "fs_struct", BTF_KIND_STRUCT, 0 },
	[SIGPENDING] = { "sigpending", BTF_KIND_STRUCT, 0 },
	[SIGNAL] = { "signal_struct", BTF_KIND_STRUCT, 0 },
	[SIGHAND] = { "sighand_struct", BTF_KIND_STRUCT, 0 },
	[K_SIGACTION] = { "k_sigaction", BTF_KIND_STRUCT, 0 },
	[SIGACTION] = { "sigaction", BTF_KIND_STRUCT, 0 },
	[THREAD] = { "thread_struct", BTF_KIND_STRUCT, 0 },
	[THREAD_INFO] = { "thread_info", BTF_KIND_STRUCT, 0 },
	[MM] = { "mm_struct", BTF_KIND_STRUCT, 0 },
	[PERCPU_COUNTER] = { "percpu_counter", BTF_KIND_STRUCT, 0 },
	[FILES] = { "files_struct", BTF_KIND_STRUCT, 0 },
	[FDTABLE] = { "fdtable", BTF_KIND_STRUCT, 0 },
	[FILE_] = { "file", BTF_KIND_STRUCT, 0 },
	[PATH] = { "path", BTF_KIND_STRUCT, 0 },
	[VMA] = { "vm_area_struct", BTF_KIND_STRUCT, 0 },
	[INODE] = { "inode", BTF_KIND_STRUCT, 0 },
	[FILE_OPS] = { "file_operations", BTF_KIND_STRUCT, 0 },
	[FILE_OWNER] = { "fown_struct", BTF_KIND_STRUCT, 0 },
	[EVENTS] = { "eventfd_ctx", BTF_KIND_STRUCT, 0 },
	[PT_REGS] = { "pt_regs", BTF_KIND_STRUCT, 0 },
	[ITER_TASK] = { "bpf_iter_task", BTF_KIND_FUNC, 0 },
	[ITER_VMA] = { "bpf_iter_task_vma", BTF_KIND_FUNC, 0 },
	[ITER_FILE] = { "bpf_iter_task_file", BTF_KIND_FUNC, 0 },
};

/* --- threads ----------------------------------------------------------------------------- */

/* What the program writes for each, from its stack, of which it has 512 bytes. */
struct view_record {
	struct record_head head;
	uint64_t fs;
	char comm[VIEW_COMM];
	uint64_t nsproxy, user_ns, mm, files, cgroups;
	struct view_path links[VIEW_LINKS];
	uint64_t umask, seccomp_mode, seccomp_filters, seccomp_filter, atomic_flags, features;
	uint64_t blocked, handlers[VIEW_SIGNALS_NR];
	uint8_t creds[VIEW_CREDS];
	uint64_t pending, shared_pending;
	uint64_t sas_sp, sas_size, sas_flags, pdeath_signal, timer_slack, timer_slack_default;
	uint64_t policy, priority, io_context, mempolicy, flags, thread_flags, clear_child_tid;
	uint64_t tls[3];
};

_Static_assert(sizeof(struct view_record) <= 512, "the stack of a program");

#define TO(field) offsetof(struct view_record, field)
#define SCRATCH   offsetof(struct record_head, scratch)

void view_read_tid(struct btf_layout *l, struct bpf_code *c)
{
	enum { OF_PID = SCRATCH, LEVEL = OF_PID + 8, UPID_AT = LEVEL + 8, SELF = UPID_AT + 8 };
	int pid = btf_at(l, TASK, "thread_pid"), numbers = btf_at(l, PID, "numbers");
	int level = btf_at(l, PID, "level"), size = (int)btf_size(&l->btf, l->names[UPID].id);

	bpf_code_read(c, OF_PID, 8, BPF_R7, pid);
	bpf_code_follow(c, LEVEL, 4, OF_PID, level);
	bpf_code_element(c, UPID_AT, OF_PID, LEVEL, size);
	bpf_code_follow(c, offsetof(struct record_head, pid_ns), 8, UPID_AT,
			numbers + btf_at(l, UPID, "ns"));

	bpf_code_current(c, SELF);
	bpf_code_follow(c, SELF, 8, SELF, pid);
	bpf_code_follow(c, LEVEL, 4, SELF, level);
	bpf_code_element(c, UPID_AT, OF_PID, LEVEL, size);
	bpf_code_follow(c, offsetof(struct record_head, tid), 4, UPID_AT,
			numbers + btf_at(l, UPID, "nr"));
}

static void read_creds(struct btf_layout *l, struct bpf_code *c)
{
	static const struct {
		const char *member;
		size_t size;
	} part[] = {
		{ "uid", 4 },         { "gid", 4 },           { "suid", 4 },
		{ "sgid", 4 },        { "euid", 4 },          { "egid", 4 },
		{ "fsuid", 4 },       { "fsgid", 4 },         { "securebits", 4 },
		{ "user_ns", 8 },     { "group_info", 8 },    { "cap_inheritable", 8 },
		{ "cap_bset", 8 },    { "cap_permitted", 8 }, { "cap_effective", 8 },
		{ "cap_ambient", 8 },
	};
	size_t to = TO(creds);

	bpf_code_read(c, SCRATCH, 8, BPF_R7, btf_at(l, TASK, "real_cred"));
	bpf_code_follow(c, TO(user_ns), 8, SCRATCH, btf_at(l, CRED, "user_ns"));
	for (size_t i = 0; i < ARRAY_SIZE(part); to += part[i++].size)
		bpf_code_follow(c, to, part[i].size, SCRATCH, btf_at(l, CRED, part[i].member));
}

static void read_signals(struct btf_layout *l, struct bpf_code *c)
{
	static const int signals[VIEW_SIGNALS_NR] = VIEW_SIGNALS;
	int signal = btf_at(l, SIGPENDING, "signal");
	int handler = btf_at(l, SIGHAND, "action") + btf_at(l, K_SIGACTION, "sa") +
		      btf_at(l, SIGACTION, "sa_handler");
	int size = (int)btf_size(&l->btf, l->names[K_SIGACTION].id);

	bpf_code_read(c, TO(blocked), 8, BPF_R7, btf_at(l, TASK, "blocked"));
	bpf_code_read(c, SCRATCH, 8, BPF_R7, btf_at(l, TASK, "sighand"));
	for (size_t i = 0; i < VIEW_SIGNALS_NR; i++)
		bpf_code_follow(c, TO(handlers) + i * 8, 8, SCRATCH,
				handler + (signals[i] - 1) * size);
	bpf_code_read(c, SCRATCH, 8, BPF_R7, btf_at(l, TASK, "signal"));
	bpf_code_read(c, TO(pending), 8, BPF_R7, btf_at(l, TASK, "pending") + signal);
	bpf_code_follow(c, TO(shared_pending), 8, SCRATCH,
			btf_at(l, SIGNAL, "shared_pending") + signal);
}

static void read_link(struct btf_layout *l, struct bpf_code *c, enum view_link which, size_t from,
		      int off)
{
	size_t to = TO(links) + which * sizeof(struct view_path);

	bpf_code_follow(c, to, 8, from, off + btf_at(l, PATH, "mnt"));
	bpf_code_follow(c, to + 8, 8, from, off + btf_at(l, PATH, "dentry"));
}

static void read_links(struct btf_layout *l, struct bpf_code *c)
{
	bpf_code_follow(c, SCRATCH, 8, TO(mm), btf_at(l, MM, "exe_file"));
	read_link(l, c, VIEW_EXE, SCRATCH, btf_at(l, FILE_, "f_path"));
	read_link(l, c, VIEW_CWD, TO(fs), btf_at(l, FS, "pwd"));
	read_link(l, c, VIEW_ROOT, TO(fs), btf_at(l, FS, "root"));
}

static void read_inside(struct btf_layout *l, struct bpf_code *c)
{
	static const struct {
		size_t to, size;
		const char *member;
	} part[] = {
		{ TO(sas_sp), 8, "sas_ss_sp" },
		{ TO(sas_size), 8, "sas_ss_size" },
		{ TO(sas_flags), 4, "sas_ss_flags" },
		{ TO(pdeath_signal), 4, "pdeath_signal" },
		{ TO(timer_slack), 8, "timer_slack_ns" },
		{ TO(timer_slack_default), 8, "default_timer_slack_ns" },
		{ TO(policy), 4, "policy" },
		{ TO(priority), 4, "static_prio" },
		{ TO(io_context), 8, "io_context" },
		{ TO(flags), 4, "flags" },
		{ TO(clear_child_tid), 8, "clear_child_tid" },
	};
	int mempolicy = btf_at_optional(l, TASK, "mempolicy"); /* CONFIG_NUMA */

	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		bpf_code_read(c, part[i].to, part[i].size, BPF_R7, btf_at(l, TASK, part[i].member));
	if (mempolicy)
		bpf_code_read(c, TO(mempolicy), 8, BPF_R7, mempolicy);
	bpf_code_read(c, TO(thread_flags), 8, BPF_R7,
		      btf_at(l, TASK, "thread_info") + btf_at(l, THREAD_INFO, "flags"));
	bpf_code_read(c, TO(tls), 24, BPF_R7,
		      btf_at(l, TASK, "thread") + btf_at(l, THREAD, "tls_array"));
}

static int threads_load(struct btf_layout *l, struct taskview *v)
{
	int seccomp = btf_at(l, TASK, "seccomp"), features = btf_at_optional(l, THREAD, "features");
	struct bpf_code c = { 0 };

	bpf_code_begin(&c, sizeof(struct view_record), 1);
	view_read_tid(l, &c);
	bpf_code_read(&c, TO(comm), VIEW_COMM, BPF_R7, btf_at(l, TASK, "comm"));
	bpf_code_read(&c, TO(nsproxy), 8, BPF_R7, btf_at(l, TASK, "nsproxy"));
	bpf_code_read(&c, TO(mm), 8, BPF_R7, btf_at(l, TASK, "mm"));
	bpf_code_read(&c, TO(files), 8, BPF_R7, btf_at(l, TASK, "files"));
	bpf_code_read(&c, TO(fs), 8, BPF_R7, btf_at(l, TASK, "fs"));
	bpf_code_follow(&c, TO(umask), 4, TO(fs), btf_at(l, FS, "umask"));
	bpf_code_read(&c, TO(seccomp_mode), 4, BPF_R7, seccomp + btf_at(l, SECCOMP, "mode"));
	bpf_code_read(&c, TO(seccomp_filters), 4, BPF_R7,
		      seccomp + btf_at(l, SECCOMP, "filter_count"));
	bpf_code_read(&c, TO(seccomp_filter), 8, BPF_R7, seccomp + btf_at(l, SECCOMP, "filter"));
	bpf_code_read(&c, TO(atomic_flags), 8, BPF_R7, btf_at(l, TASK, "atomic_flags"));
	if (features)
		bpf_code_read(&c, TO(features), 8, BPF_R7, btf_at(l, TASK, "thread") + features);
	bpf_code_read(&c, TO(cgroups), 8, BPF_R7, btf_at(l, TASK, "cgroups"));
	read_links(l, &c);
	read_creds(l, &c);
	read_signals(l, &c);
	read_inside(l, &c);
	return bpf_code_end(&c, l->names[ITER_TASK].id, &v->threads);
}

static int thread_add(void *arg, const void *record)
{
	const struct view_record *r = record;
	struct taskview *view = arg;
	struct view_thread *t = array_push(view->v, view->nr, view->cap);

	t->tid = (pid_t)r->head.tid;
	memcpy(t->comm, r->comm, VIEW_COMM);
	t->comm[VIEW_COMM - 1] = '\0';
	t->ns = (struct view_ns){ r->nsproxy, r->user_ns, r->head.pid_ns };
	t->mm = r->mm;
	t->files = r->files;
	t->fs = r->fs;
	t->cgroups = r->cgroups;
	memcpy(t->links, r->links, sizeof(t->links));
	t->status.umask = r->umask;
	t->status.seccomp_mode = r->seccomp_mode;
	t->status.seccomp_filters = r->seccomp_filters;
	t->status.seccomp_filter = r->seccomp_filter;
	t->status.atomic_flags = r->atomic_flags;
	t->status.features = r->features;
	t->status.blocked = r->blocked;
	memcpy(t->status.handlers, r->handlers, sizeof(r->handlers));
	memcpy(t->status.creds, r->creds, VIEW_CREDS);
	t->has_pending = r->pending || r->shared_pending;
	t->inside = (struct view_inside){
		.sas_sp = r->sas_sp,
		.sas_size = r->sas_size,
		.sas_flags = r->sas_flags,
		.pdeath_signal = r->pdeath_signal,
		.timer_slack = r->timer_slack,
		.timer_slack_default = r->timer_slack_default,
		.policy = r->policy,
		.priority = r->priority,
		.io_context = r->io_context,
		.mempolicy = r->mempolicy,
		.flags = r->flags,
		.thread_flags = r->thread_flags,
		.atomic_flags = r->atomic_flags,
	};
	memcpy(t->inside.creds, r->creds, VIEW_CREDS);
	t->clear_child_tid = r->clear_child_tid;
	t->has_tls = r->tls[0] || r->tls[1] || r->tls[2];
	return 0;
}

_Static_assert(!offsetof(struct view_thread, tid) && !offsetof(struct view_call, tid),
	       "view_by_tid");

int view_by_tid(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

void view_sort(void *v, size_t nr, size_t size)
{
	const char *at = v;

	/* The kernel goes by number: so they mostly are already. */
	for (size_t i = 1; i < nr; i++) {
		if (view_by_tid(at + (i - 1) * size, at + i * size) > 0) {
			qsort(v, nr, size, view_by_tid);
			return;
		}
	}
}

int taskview_read(struct taskview *v, const pid_t *pids, size_t nr)
{
	const size_t record = sizeof(struct view_record);
	int r = 0;

	v->nr = 0;
	for (size_t i = 0; i < nr && r >= 0; i++)
		r = bpf_iterate(v->threads, record, BPF_OF_PROCESS, pids[i], thread_add, v);
	if (!nr)
		r = bpf_iterate(v->threads, record, BPF_OF_ALL, 0, thread_add, v);
	view_sort(v->v, v->nr, sizeof(*v->v));
	return r;
}

const struct view_thread *taskview_find(const struct taskview *v, pid_t tid)
{
	struct view_thread key = { .tid = tid };

	return v->nr ? bsearch(&key, v->v, v->nr, sizeof(*v->v), view_by_tid) : NULL;
}

/* --- calls ------------------------------------------------------------------------------- */

struct call_record {
	struct record_head head;
	uint64_t state, flags, leader, regs, nr, arg[6], pc;
};

#define TO_CALL(field) offsetof(struct call_record, field)

static int calls_load(struct btf_layout *l, struct taskview *v)
{
	static const struct {
		size_t to;
		const char *member;
	} reg[] = {
		{ TO_CALL(nr), "orig_ax" }, { TO_CALL(pc), "ip" },     { TO_CALL(arg[0]), "di" },
		{ TO_CALL(arg[1]), "si" },  { TO_CALL(arg[2]), "dx" }, { TO_CALL(arg[3]), "r10" },
		{ TO_CALL(arg[4]), "r8" },  { TO_CALL(arg[5]), "r9" },
	};
	struct bpf_code c = { 0 };

	bpf_code_begin(&c, sizeof(struct call_record), 1);
	view_read_tid(l, &c);
	bpf_code_load(&c, TO_CALL(state), 4, BPF_R7, btf_at(l, TASK, "__state"));
	bpf_code_load(&c, TO_CALL(flags), 4, BPF_R7, btf_at(l, TASK, "flags"));
	bpf_code_read(&c, TO_CALL(leader), 8, BPF_R7, btf_at(l, TASK, "group_leader"));
	bpf_code_user_regs(&c, TO_CALL(regs), BPF_R7);
	for (size_t i = 0; i < ARRAY_SIZE(reg); i++)
		bpf_code_load_from(&c, reg[i].to, 8, TO_CALL(regs),
				   btf_at(l, PT_REGS, reg[i].member));
	return bpf_code_end(&c, l->names[ITER_TASK].id, &v->calls);
}

static int call_add(void *arg, const void *record)
{
	const struct call_record *r = record;
	struct taskview *v = arg;
	struct view_call *c = array_push(v->call, v->nr_calls, v->cap_calls);

	*c = (struct view_call){
		.tid = (pid_t)r->head.tid,
		.leader = r->leader,
		.is_asleep = r->state != 0, /* TASK_RUNNING */
		.is_worker = r->flags & (PROC_PF_IO_WORKER | PROC_PF_USER_WORKER),
		.nr = (long)r->nr,
		.pc = r->pc,
	};
	memcpy(c->arg, r->arg, sizeof(c->arg));
	return 0;
}

int taskview_read_calls(struct taskview *v)
{
	int r;

	v->nr_calls = 0;
	r = bpf_iterate(v->calls, sizeof(struct call_record), BPF_OF_ALL, 0, call_add, v);
	if (r < 0) {
		v->nr_calls = 0;
		return r;
	}
	view_sort(v->call, v->nr_calls, sizeof(*v->call));
	return 0;
}

const struct view_call *taskview_call(const struct taskview *v, pid_t tid)
{
	const struct view_call key = { .tid = tid };

	return v->nr_calls ? bsearch(&key, v->call, v->nr_calls, sizeof(*v->call), view_by_tid)
			   : NULL;
}

void taskview_call_threads(const struct taskview *v, pid_t pid, struct proc_pids *ret)
{
	const struct view_call *its = taskview_call(v, pid);

	for (size_t i = 0; its && i < v->nr_calls; i++)
		if (v->call[i].leader == its->leader)
			*array_push(ret->v, ret->nr, ret->cap) = v->call[i].tid;
}

/* --- kin --------------------------------------------------------------------------------- */

struct kin_record {
	struct record_head head;
	uint64_t task, leader, parent, syscall_work, rseq;
	uint32_t rseq_len, rseq_sig;
};

#define TO_KIN(field) offsetof(struct kin_record, field)

static int kin_load(struct btf_layout *l, struct taskview *v)
{
	int work = btf_at_optional(l, THREAD_INFO, "syscall_work"); /* 5.11 */
	int rseq = btf_at_optional(l, TASK, "rseq"), len = btf_at_optional(l, TASK, "rseq_len");
	int sig = btf_at_optional(l, TASK, "rseq_sig");
	struct bpf_code c = { 0 };

	bpf_code_begin(&c, sizeof(struct kin_record), 1);
	bpf_code_argument(&c, TO_KIN(task), 1);
	view_read_tid(l, &c);
	/* Not loaded: the verifier would look through all types to tell what they point to. */
	bpf_code_read(&c, TO_KIN(leader), 8, BPF_R7, btf_at(l, TASK, "group_leader"));
	bpf_code_read(&c, TO_KIN(parent), 8, BPF_R7, btf_at(l, TASK, "real_parent"));
	if (work)
		bpf_code_read(&c, TO_KIN(syscall_work), 8, BPF_R7,
			      btf_at(l, TASK, "thread_info") + work);
	if (rseq && len && sig) {
		bpf_code_read(&c, TO_KIN(rseq), 8, BPF_R7, rseq);
		bpf_code_read(&c, TO_KIN(rseq_len), 4, BPF_R7, len);
		bpf_code_read(&c, TO_KIN(rseq_sig), 4, BPF_R7, sig);
	}
	return bpf_code_end(&c, l->names[ITER_TASK].id, &v->kinship);
}

static int kin_add(void *arg, const void *record)
{
	const struct kin_record *r = record;
	struct taskview *v = arg;

	*array_push(v->kin, v->nr_kin, v->cap_kin) = (struct view_kin){
		.tid = (pid_t)r->head.tid,
		.task = r->task,
		.leader = r->leader,
		.parent = r->parent,
		.syscall_work = r->syscall_work,
		.rseq = r->rseq,
		.rseq_len = r->rseq_len,
		.rseq_sig = r->rseq_sig,
	};
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool is_among(const uint64_t *sorted, size_t nr, uint64_t key)
{
	return nr && bsearch(&key, sorted, nr, sizeof(key), by_number);
}

static void kin_judge(struct taskview *v)
{
	uint64_t *parents = mem_alloc((v->nr_kin + 1) * sizeof(*parents));
	uint64_t *led = mem_alloc((v->nr_kin + 1) * sizeof(*led));
	size_t nr_parents = 0, nr_led = 0;

	for (size_t i = 0; i < v->nr_kin; i++) {
		const struct view_kin *k = &v->kin[i];

		if (k->task == k->leader)
			parents[nr_parents++] = k->parent;
		else
			led[nr_led++] = k->leader;
	}
	qsort(parents, nr_parents, sizeof(*parents), by_number);
	qsort(led, nr_led, sizeof(*led), by_number);
	for (size_t i = 0; i < v->nr_kin; i++) {
		struct view_kin *k = &v->kin[i];

		k->is_alone = k->task == k->leader && !is_among(led, nr_led, k->task);
		k->has_children = is_among(parents, nr_parents, k->task);
	}
	free(parents);
	free(led);
}

_Static_assert(!offsetof(struct view_kin, tid), "view_by_tid");

int taskview_read_kin(struct taskview *v)
{
	int r;

	v->nr_kin = 0;
	r = bpf_iterate(v->kinship, sizeof(struct kin_record), BPF_OF_ALL, 0, kin_add, v);
	if (r < 0)
		v->nr_kin = 0;
	if (!v->nr_kin)
		return r;
	view_sort(v->kin, v->nr_kin, sizeof(*v->kin));
	kin_judge(v);
	return 0;
}

const struct view_kin *taskview_kin(const struct taskview *v, pid_t tid)
{
	return v->nr_kin ? bsearch(&tid, v->kin, v->nr_kin, sizeof(*v->kin), view_by_tid) : NULL;
}

/* --- open files -------------------------------------------------------------------------- */

/* Most have no link. */
struct file_record {
	struct view_file file;
	char link[VIEW_LINK];
};

_Static_assert(sizeof(struct file_record) <= 512, "the stack of a program");

#define TO_FILE(field) offsetof(struct view_file, field)

static const struct bpf_record file_record = {
	.size = sizeof(struct file_record),
	.brief = offsetof(struct file_record, link),
	.empty = TO_FILE(link_len),
};

/* From Linux 6.12 on it is made by the first F_SETOWN or F_SETSIG, and knows its file. Before, it
 * is a part of each, and what was put there stays: it is not 0. */
static void read_owner(struct btf_layout *l, struct bpf_code *c)
{
	if (btf_member(&l->btf, l->names[FILE_OWNER].id, "file") >= 0)
		bpf_code_load(c, TO_FILE(owner), 8, BPF_R7, btf_at(l, FILE_, "f_owner"));
}

/* What is of no type, and not for files without lines of their own. */
static void read_events(struct btf_layout *l, struct bpf_code *c)
{
	size_t skip = bpf_code_skip(c, TO_FILE(more_info), UINT32_MAX, 0);

	bpf_code_load(c, TO_FILE(content), 8, BPF_R7, btf_at(l, FILE_, "private_data"));
	bpf_code_follow(c, TO_FILE(events.count), 8, TO_FILE(content), btf_at(l, EVENTS, "count"));
	bpf_code_follow(c, TO_FILE(events.flags), 4, TO_FILE(content), btf_at(l, EVENTS, "flags"));
	bpf_code_follow(c, TO_FILE(events.id), 4, TO_FILE(content), btf_at(l, EVENTS, "id"));
	bpf_code_skip_to(c, skip);
}

/* To build one takes most of the time, and those of FIFOs and sockets say no more than ino, those
 * of eventfds and the like, whose inode is of no type, no more than ops. */
static void read_fd_link(struct btf_layout *l, struct bpf_code *c)
{
	size_t fifo = bpf_code_skip(c, TO_FILE(mode), S_IFMT, S_IFIFO);
	size_t sock = bpf_code_skip(c, TO_FILE(mode), S_IFMT, S_IFSOCK);
	size_t none = bpf_code_skip(c, TO_FILE(mode), S_IFMT, 0);

	bpf_code_path(c, offsetof(struct file_record, link), VIEW_LINK, TO_FILE(link_len), BPF_R7,
		      btf_at(l, FILE_, "f_path"));
	bpf_code_skip_to(c, fifo);
	bpf_code_skip_to(c, sock);
	bpf_code_skip_to(c, none);
}

static int files_load(struct btf_layout *l, struct taskview *v)
{
	struct bpf_code c = { 0 };

	bpf_code_begin_brief(&c, &file_record, 3);
	bpf_code_argument32(&c, TO_FILE(fd), 2);
	bpf_code_argument(&c, TO_FILE(file), 3);
	bpf_code_argument(&c, TO_FILE(owner), 3);
	bpf_code_load(&c, TO_FILE(ops), 8, BPF_R7, btf_at(l, FILE_, "f_op"));
	bpf_code_load(&c, TO_FILE(mount), 8, BPF_R7,
		      btf_at(l, FILE_, "f_path") + btf_at(l, PATH, "mnt"));
	bpf_code_load(&c, TO_FILE(pos), 8, BPF_R7, btf_at(l, FILE_, "f_pos"));
	bpf_code_load(&c, TO_FILE(flags), 4, BPF_R7, btf_at(l, FILE_, "f_flags"));
	bpf_code_load(&c, TO_FILE(inode), 8, BPF_R7, btf_at(l, FILE_, "f_inode"));
	bpf_code_load_from(&c, TO_FILE(ino), 8, TO_FILE(inode), btf_at(l, INODE, "i_ino"));
	bpf_code_load_from(&c, TO_FILE(mode), 2, TO_FILE(inode), btf_at(l, INODE, "i_mode"));
	bpf_code_load_from(&c, TO_FILE(locks), 8, TO_FILE(inode), btf_at(l, INODE, "i_flctx"));
	bpf_code_load_from(&c, TO_FILE(more_info), 8, TO_FILE(ops),
			   btf_at(l, FILE_OPS, "show_fdinfo"));
	read_fd_link(l, &c);
	read_owner(l, &c);
	read_events(l, &c);
	return bpf_code_end(&c, l->names[ITER_FILE].id, &v->files);
}

struct files_arg {
	struct view_file *v;
	size_t nr, max;
};

static int file_add(void *arg, const void *record)
{
	struct files_arg *to = arg;
	struct view_file *f = &to->v[to->nr];

	if (to->nr++ >= to->max)
		return 0;
	memcpy(f, record, sizeof(*f));
	f->link = f->link_len > 0
		      ? mem_dup((const char *)record + file_record.brief, (size_t)f->link_len)
		      : NULL;
	return 0;
}

void view_files_done(struct view_file *v, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(v[i].link);
}

ssize_t taskview_files(const struct taskview *v, pid_t tid, struct view_file *ret, size_t max)
{
	struct files_arg to = { ret, 0, max };
	int r = bpf_iterate_brief(v->files, &file_record, BPF_OF_THREAD, tid, file_add, &to);

	return r < 0 ? r : (ssize_t)to.nr;
}

/* ----------------------------------------------------------------------------------------- */

#define NO_VIEW                                                                                    \
	(struct taskview)                                                                          \
	{                                                                                          \
		.threads = -1, .processes = -1, .vmas = -1, .files = -1, .calls = -1,              \
		.kinship = -1                                                                      \
	}

/* For the kernel to check one takes 1 to 4 ms: those that take the longest come first. */
static const struct {
	unsigned int of;
	int (*load)(struct btf_layout *l, struct taskview *v);
} programs[] = {
	{ VIEW_OF_PROCESSES, view_load_processes },
	{ VIEW_OF_THREADS, threads_load },
	{ VIEW_OF_FILES, files_load },
	{ VIEW_OF_VMAS, view_load_vmas },
	{ VIEW_OF_CALLS, calls_load },
	{ VIEW_OF_KIN, kin_load },
};

struct loading {
	const struct btf_layout *layout;
	struct taskview *view;
	unsigned int of;
};

static int program_load(void *ctx, size_t i, unsigned int worker)
{
	const struct loading *x = ctx;
	struct btf_layout own = *x->layout; /* what is missing is noted there */
	int r = x->of & programs[i].of ? programs[i].load(&own, x->view) : 0;

	(void)worker;
	return r >= 0 && own.missing ? -ENOTSUP : r;
}

int taskview_open(struct taskview *ret, unsigned int of)
{
	cleanup_btf_layout struct btf_layout l = { 0 };
	struct taskview v = NO_VIEW;
	struct loading x = { &l, &v, of };
	int r;

	r = btf_layout_open(&l, kernel_names, ARRAY_SIZE(kernel_names));
	if (r >= 0)
		r = parallel_large(ARRAY_SIZE(programs), program_load, &x);
	if (r < 0)
		taskview_done(&v);
	else
		*ret = v;
	return r;
}

void taskview_done(struct taskview *v)
{
	if (v->threads >= 0)
		close(v->threads);
	if (v->processes >= 0)
		close(v->processes);
	if (v->vmas >= 0)
		close(v->vmas);
	if (v->files >= 0)
		close(v->files);
	if (v->calls >= 0)
		close(v->calls);
	if (v->kinship >= 0)
		close(v->kinship);
	free(v->v);
	free(v->process);
	free(v->vma);
	free(v->run);
	free(v->call);
	free(v->kin);
	*v = NO_VIEW;
}
