// SPDX-License-Identifier: GPL-2.0-only
/* Members: include/linux/mm_types.h, sched/signal.h, fdtable.h, asm/mmu.h of Linux. */
#include "criu/kernel/procview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/mem.h"
#include "criu/kernel/view_types.h"

/* --- processes --------------------------------------------------------------------------- */

#define PART (VIEW_FDS / 8)

/* What is written first. */
struct process_head {
	uint64_t tid, pid_ns; /* of struct record_head */
	uint64_t mm, max_fds, timers;
	uint64_t places[VIEW_PLACES];
	uint64_t oom_score, login;
	uint64_t def_flags, mm_flags, membarrier, ldt, personality, subreaper;
	uint64_t real_timer, real_interval, cpu_timers[4];
};

/* As MM_FILEPAGES and so on. */
enum { FILEPAGES, ANONPAGES, SWAPENTS, SHMEMPAGES, RSS_COUNTERS };

/* What is written next. */
struct process_stat {
	struct view_stat stat;
	int64_t rss[RSS_COUNTERS];
};

/* What a program has on its stack. */
struct process_stack {
	uint64_t scratch[4];
	struct process_head head;
	uint64_t kind, sighand, signal, files, fdt, fd, open_fds, close_on_exec;
	union {
		uint8_t part[PART];
		struct process_stat more;
	};
};

_Static_assert(sizeof(struct process_stack) <= 512, "the stack of a program");
_Static_assert(sizeof(struct process_stat) <= PART, "part");
_Static_assert(offsetof(struct process_stack, head) == offsetof(struct record_head, tid), "head");

/* What it writes. */
struct process_record {
	struct process_head head;
	struct process_stat more;
	struct rlimit64 limits[RLIM_NLIMITS];
	uint64_t open_fds[VIEW_FDS / 64], close_on_exec[VIEW_FDS / 64];
	uint64_t files[VIEW_FILES];
	uint64_t actions[VIEW_ACTIONS];
	uint64_t auxv[]; /* as many as this kernel has */
};

#define AT(field)  offsetof(struct process_stack, field)
#define OUT(field) AT(head.field)

#define MORE(field) AT(more.field)

#define NOT_A_LEADER 0x7fffffff /* of exit_signal: -1 */
#define FEW_FDS      64 /* in struct files_struct itself */

static void read_mm(struct btf_layout *l, struct bpf_code *c)
{
	static const char *const places[VIEW_PLACES] = {
		"start_code",  "end_code",  "start_data", "end_data",  "start_brk", "brk",
		"start_stack", "arg_start", "arg_end",    "env_start", "env_end",
	};
	int membarrier = btf_at_optional(l, MM, "membarrier_state"); /* CONFIG_MEMBARRIER */
	int ldt = btf_at_optional(l, MM, "context.ldt"); /* CONFIG_MODIFY_LDT_SYSCALL */

	bpf_code_read(c, OUT(mm), 8, BPF_R7, btf_at(l, TASK, "mm"));
	for (size_t i = 0; i < VIEW_PLACES; i++)
		bpf_code_follow(c, OUT(places) + i * 8, 8, OUT(mm), btf_at(l, MM, places[i]));
	bpf_code_follow(c, OUT(def_flags), 8, OUT(mm), btf_at(l, MM, "def_flags"));
	bpf_code_follow(c, OUT(mm_flags), 8, OUT(mm), btf_at(l, MM, "flags"));
	if (membarrier)
		bpf_code_follow(c, OUT(membarrier), 4, OUT(mm), membarrier);
	if (ldt)
		bpf_code_follow(c, OUT(ldt), 8, OUT(mm), ldt);
}

static void read_signal(struct btf_layout *l, struct bpf_code *c)
{
	int subreaper = btf_member_byte(&l->btf, l->names[SIGNAL].id, "is_child_subreaper");
	int login = btf_at_optional(l, TASK, "loginuid"); /* CONFIG_AUDIT */

	l->missing |= subreaper < 0;
	if (login)
		bpf_code_read(c, OUT(login), 4, BPF_R7, login);
	bpf_code_read(c, AT(sighand), 8, BPF_R7, btf_at(l, TASK, "sighand"));
	bpf_code_read(c, AT(signal), 8, BPF_R7, btf_at(l, TASK, "signal"));
	bpf_code_follow(c, OUT(oom_score), 2, AT(signal), btf_at(l, SIGNAL, "oom_score_adj"));
	bpf_code_follow(c, OUT(timers), 8, AT(signal), btf_at(l, SIGNAL, "posix_timers"));
	bpf_code_follow(c, OUT(subreaper), 1, AT(signal), subreaper);
	bpf_code_follow(c, OUT(real_timer), 1, AT(signal), btf_at(l, SIGNAL, "real_timer.state"));
	bpf_code_follow(c, OUT(real_interval), 8, AT(signal), btf_at(l, SIGNAL, "it_real_incr"));
	bpf_code_follow(c, OUT(cpu_timers), 32, AT(signal), btf_at(l, SIGNAL, "it"));
}

/* Counters of struct percpu_counter: what each processor has to add is not in it. */
static void read_rss(struct btf_layout *l, struct bpf_code *c)
{
	int at = btf_at_optional(l, MM, "rss_stat"), count = btf_at(l, PERCPU_COUNTER, "count");
	int size = (int)btf_size(&l->btf, l->names[PERCPU_COUNTER].id);

	for (int i = 0; i < RSS_COUNTERS; i++)
		bpf_code_follow(c, MORE(rss) + (size_t)i * 8, 8, OUT(mm), at + i * size + count);
}

static void write_stat(struct btf_layout *l, struct bpf_code *c, bool has_rss)
{
	enum { GROUP = 2, SESSION }; /* enum pid_type, since 4.19 */
	int pids = btf_at(l, SIGNAL, "pids");

	bpf_code_clear(c, AT(part), PART);
	bpf_code_read(c, MORE(stat.parent), 8, BPF_R7, btf_at(l, TASK, "real_parent"));
	bpf_code_load(c, MORE(stat.flags), 4, BPF_R7, btf_at(l, TASK, "flags"));
	bpf_code_load(c, MORE(stat.exit_signal), 4, BPF_R7, btf_at(l, TASK, "exit_signal"));
	bpf_code_load(c, MORE(stat.exit_code), 4, BPF_R7, btf_at(l, TASK, "exit_code"));
	bpf_code_follow(c, MORE(stat.group), 8, AT(signal), pids + GROUP * 8);
	bpf_code_follow(c, MORE(stat.session), 8, AT(signal), pids + SESSION * 8);
	bpf_code_follow(c, MORE(stat.tty), 8, AT(signal), btf_at(l, SIGNAL, "tty"));
	bpf_code_follow(c, MORE(stat.group_flags), 4, AT(signal), btf_at(l, SIGNAL, "flags"));
	bpf_code_follow(c, MORE(stat.group_exit_code), 4, AT(signal),
			btf_at(l, SIGNAL, "group_exit_code"));
	if (has_rss)
		read_rss(l, c);
	bpf_code_write(c, AT(more), sizeof(struct process_stat));
}

/* As many as the table is for, which is a power of two, and more than there are without one. */
static void write_bits(struct bpf_code *c, size_t from)
{
	size_t skip[VIEW_FDS / FEW_FDS], nr = 0;

	bpf_code_clear(c, AT(part), PART);
	for (size_t fds = FEW_FDS; fds <= VIEW_FDS; fds *= 2) {
		bpf_code_follow(c, AT(part), fds / 8, from, 0);
		skip[nr++] = bpf_code_skip(c, OUT(max_fds), UINT32_MAX, (uint32_t)fds);
	}
	while (nr)
		bpf_code_skip_to(c, skip[--nr]);
	bpf_code_write(c, AT(part), PART);
}

static void read_fds(struct btf_layout *l, struct bpf_code *c)
{
	bpf_code_read(c, AT(files), 8, BPF_R7, btf_at(l, TASK, "files"));
	bpf_code_follow(c, AT(fdt), 8, AT(files), btf_at(l, FILES, "fdt"));
	bpf_code_follow(c, OUT(max_fds), 4, AT(fdt), btf_at(l, FDTABLE, "max_fds"));
	bpf_code_follow(c, AT(fd), 8, AT(fdt), btf_at(l, FDTABLE, "fd"));
	bpf_code_follow(c, AT(open_fds), 8, AT(fdt), btf_at(l, FDTABLE, "open_fds"));
	bpf_code_follow(c, AT(close_on_exec), 8, AT(fdt), btf_at(l, FDTABLE, "close_on_exec"));
}

int view_load_processes(struct btf_layout *l, struct taskview *v)
{
	size_t auxv = btf_array(&l->btf, l->names[MM].id, "saved_auxv"), other;
	size_t actions = btf_array(&l->btf, l->names[SIGHAND].id, "action") *
			 btf_size(&l->btf, l->names[K_SIGACTION].id);
	struct bpf_code c = { 0 };

	l->missing |= !auxv || auxv > VIEW_AUXV || actions != VIEW_ACTIONS * 8 ||
		      btf_array(&l->btf, l->names[SIGNAL].id, "it") != 2 ||
		      btf_array(&l->btf, l->names[SIGNAL].id, "rlim") != RLIM_NLIMITS;
	v->process_bytes = sizeof(struct process_record) + auxv * 8;
	v->has_rss = btf_array(&l->btf, l->names[MM].id, "rss_stat") == RSS_COUNTERS;
	bpf_code_begin(&c, sizeof(struct process_stack), 1);
	bpf_code_load(&c, AT(kind), 4, BPF_R7, btf_at(l, TASK, "exit_signal"));
	other = bpf_code_skip(&c, AT(kind), NOT_A_LEADER, NOT_A_LEADER);
	view_read_tid(l, &c);
	bpf_code_read(&c, OUT(personality), 4, BPF_R7, btf_at(l, TASK, "personality"));
	read_mm(l, &c);
	read_signal(l, &c);
	read_fds(l, &c);
	bpf_code_write(&c, AT(head), sizeof(struct process_head));
	write_stat(l, &c, v->has_rss);
	bpf_code_copy(&c, AT(part), PART, AT(signal), btf_at(l, SIGNAL, "rlim"),
		      sizeof(((struct process_record *)0)->limits));
	write_bits(&c, AT(open_fds));
	write_bits(&c, AT(close_on_exec));
	bpf_code_copy(&c, AT(part), PART, AT(fd), 0, sizeof(((struct process_record *)0)->files));
	bpf_code_copy(&c, AT(part), PART, AT(sighand), btf_at(l, SIGHAND, "action"), actions);
	bpf_code_copy(&c, AT(part), PART, OUT(mm), btf_at(l, MM, "saved_auxv"), auxv * 8);
	bpf_code_skip_to(&c, other);
	return bpf_code_end(&c, l->names[ITER_TASK].id, &v->processes);
}

struct processes_arg {
	struct taskview *view;
	const pid_t *pids;
	size_t nr;
};

static uint64_t rss_pages(const int64_t *counters)
{
	uint64_t sum = 0;

	/* Below 0: what other processors have to add is missing. */
	for (size_t i = 0; i < RSS_COUNTERS; i++)
		if (i != SWAPENTS && counters[i] > 0)
			sum += (uint64_t)counters[i];
	return sum;
}

static int process_add(void *arg, const void *record)
{
	const struct process_record *r = record;
	const struct process_head *h = &r->head;
	const struct processes_arg *a = arg;
	struct taskview *v = a->view;
	pid_t pid = (pid_t)h->tid;
	struct view_process *p;

	/* A main thread that has ended has no table of descriptors. */
	if (!h->max_fds || !a->nr || !bsearch(&pid, a->pids, a->nr, sizeof(pid), view_by_tid))
		return 0;
	p = array_push(v->process, v->nr_processes, v->cap_processes);
	memset(p, 0, sizeof(*p));
	p->pid = pid;
	p->mm = h->mm;
	memcpy(p->places, h->places, sizeof(p->places));
	memcpy(p->auxv, r->auxv, v->process_bytes - sizeof(*r));
	p->inside = (struct view_shared){
		.def_flags = h->def_flags,
		.mm_flags = h->mm_flags,
		.membarrier = h->membarrier,
		.ldt = h->ldt,
		.personality = h->personality,
		.subreaper = h->subreaper,
		.real_timer = h->real_timer,
		.real_interval = h->real_interval,
	};
	memcpy(p->inside.cpu_timers, h->cpu_timers, sizeof(h->cpu_timers));
	memcpy(p->inside.actions, r->actions, sizeof(r->actions));
	p->numbers = (struct view_numbers){ h->oom_score, h->login, h->mm_flags };
	p->stat = r->more.stat;
	p->rss_pages = rss_pages(r->more.rss);
	memcpy(p->limits, r->limits, sizeof(p->limits));
	p->has_timers = h->timers;
	p->has_fds = h->max_fds <= VIEW_FDS;
	memcpy(p->files, r->files, sizeof(p->files));
	memcpy(p->open_fds, r->open_fds, sizeof(p->open_fds));
	memcpy(p->close_on_exec, r->close_on_exec, sizeof(p->close_on_exec));
	return 0;
}

_Static_assert(!offsetof(struct view_process, pid), "view_by_tid");

int taskview_read_processes(struct taskview *v, pid_t *pids, size_t nr)
{
	struct processes_arg arg = { v, pids, nr };
	int r;

	v->nr_processes = 0;
	view_sort(pids, nr, sizeof(*pids));
	r = bpf_iterate(v->processes, v->process_bytes, BPF_OF_ALL, 0, process_add, &arg);
	if (r < 0)
		v->nr_processes = 0;
	view_sort(v->process, v->nr_processes, sizeof(*v->process));
	return r;
}

const struct view_process *taskview_process(const struct taskview *v, pid_t pid)
{
	return v->nr_processes
		   ? bsearch(&pid, v->process, v->nr_processes, sizeof(*v->process), view_by_tid)
		   : NULL;
}

int taskview_same_file(const struct taskview *v, pid_t a, pid_t b, int fd)
{
	const struct view_process *x = taskview_process(v, a), *y = taskview_process(v, b);

	if (!x || !y || fd < 0 || fd >= VIEW_FILES || !x->files[fd] || !y->files[fd])
		return -1;
	return x->files[fd] == y->files[fd];
}

/* --- mappings ---------------------------------------------------------------------------- */

struct vma_record {
	uint64_t mm;
	struct view_vma vma;
};

#define TO_VMA(field) offsetof(struct vma_record, field)

int view_load_vmas(struct btf_layout *l, struct taskview *v)
{
	static const struct {
		size_t to;
		const char *member;
	} part[] = {
		{ TO_VMA(mm), "vm_mm" },
		{ TO_VMA(vma.pgoff), "vm_pgoff" },
		{ TO_VMA(vma.file), "vm_file" },
		{ TO_VMA(vma.ops), "vm_ops" },
		{ TO_VMA(vma.special), "vm_private_data" },
	};
	int name = btf_at_optional(l, VMA, "anon_name"); /* CONFIG_ANON_VMA_NAME */
	int policy = btf_at_optional(l, VMA, "vm_policy"); /* CONFIG_NUMA */
	struct bpf_code c = { 0 };

	bpf_code_begin(&c, sizeof(struct vma_record), 2);
	bpf_code_load(&c, TO_VMA(vma.start), 8, BPF_R7, btf_at(l, VMA, "vm_start"));
	bpf_code_load(&c, TO_VMA(vma.end), 8, BPF_R7, btf_at(l, VMA, "vm_end"));
	bpf_code_load(&c, TO_VMA(vma.flags), 8, BPF_R7, btf_at(l, VMA, "vm_flags"));
	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		bpf_code_load(&c, part[i].to, 8, BPF_R7, btf_at(l, VMA, part[i].member));
	if (name)
		bpf_code_load(&c, TO_VMA(vma.name), 8, BPF_R7, name);
	if (policy)
		bpf_code_load(&c, TO_VMA(vma.policy), 8, BPF_R7, policy);
	return bpf_code_end(&c, l->names[ITER_VMA].id, &v->vmas);
}

struct vmas_arg {
	struct view_vma *v;
	size_t nr, max;
};

static int vma_add(void *arg, const void *record)
{
	const struct vma_record *r = record;
	struct vmas_arg *to = arg;

	if (to->nr++ < to->max)
		to->v[to->nr - 1] = r->vma;
	return 0;
}

ssize_t taskview_vmas(const struct taskview *v, pid_t pid, struct view_vma *ret, size_t max)
{
	struct vmas_arg to = { ret, 0, max };
	int r = bpf_iterate(v->vmas, sizeof(struct vma_record), BPF_OF_PROCESS, pid, vma_add, &to);

	return r < 0 ? r : (ssize_t)to.nr;
}

/* Where those of an address space are. */
struct view_run {
	uint64_t mm;
	size_t first, nr;
};

struct runs_arg {
	struct taskview *view;
	size_t nr, cap, max;
	struct view_run *at; /* of the process whose turn it is; NULL: of none */
	uint64_t mm;
};

static int by_mm(const void *a, const void *b)
{
	const struct view_run *x = a, *y = b;

	return (x->mm > y->mm) - (x->mm < y->mm);
}

static struct view_run *run_find(const struct taskview *v, uint64_t mm)
{
	const struct view_run key = { .mm = mm };

	return v->nr_runs ? bsearch(&key, v->run, v->nr_runs, sizeof(key), by_mm) : NULL;
}

/* A thread with a table of descriptors of its own shows the mappings of its process again. */
static struct view_run *run_begin(struct runs_arg *a, uint64_t mm)
{
	struct view_run *run = run_find(a->view, mm);

	a->mm = mm;
	if (!run || run->nr)
		return NULL;
	run->first = a->nr;
	return run;
}

static int run_add(void *arg, const void *record)
{
	const struct vma_record *r = record;
	struct runs_arg *a = arg;

	if (r->mm != a->mm)
		a->at = run_begin(a, r->mm);
	if (!a->at)
		return 0;
	if (a->nr == a->max)
		return -E2BIG;
	*array_push(a->view->vma, a->nr, a->cap) = r->vma;
	a->at->nr++;
	return 0;
}

void taskview_read_vmas(struct taskview *v, const uint64_t *mms, size_t nr, size_t max)
{
	struct runs_arg a = { .view = v, .max = max };

	v->run = mem_alloc((nr + 1) * sizeof(*v->run));
	v->nr_runs = nr;
	for (size_t i = 0; i < nr; i++)
		v->run[i] = (struct view_run){ .mm = mms[i] };
	qsort(v->run, nr, sizeof(*v->run), by_mm);
	if (bpf_iterate(v->vmas, sizeof(struct vma_record), BPF_OF_ALL, 0, run_add, &a) < 0)
		v->nr_runs = 0;
}

size_t taskview_vmas_of(const struct taskview *v, uint64_t mm, const struct view_vma **ret)
{
	const struct view_run *run = run_find(v, mm);

	if (!run || !run->nr)
		return 0;
	*ret = v->vma + run->first;
	return run->nr;
}
