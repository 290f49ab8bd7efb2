// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/alike.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/proc.h"

/* Of more, those that come last are read each: every one is compared with all of them. */
#define CLASSES_MAX 128
/* Mappings of a process: room for the first look; the list of one with more is not kept. */
#define MAPS_USUAL  64
#define MAPS_MAX    4096

const struct view_thread *alike_seen(const struct alike *a, pid_t tid)
{
	return a->view ? taskview_find(a->view, tid) : NULL;
}

static const struct view_process *process_seen(const struct alike *a, pid_t pid)
{
	return a->view ? taskview_process(a->view, pid) : NULL;
}

int alike_ns_read(struct alike *a, pid_t pid, int proc, struct proc_ns *ret)
{
	const struct view_thread *t = alike_seen(a, pid);
	struct alike_ns *class;
	int r;

	for (size_t i = 0; t && i < a->nr_ns; i++) {
		if (!memcmp(&a->ns[i].key, &t->ns, sizeof(t->ns))) {
			*ret = a->ns[i].ns;
			return 0;
		}
	}
	r = proc_ns_read(proc, 0, ret);
	if (r < 0 || !t || a->nr_ns == CLASSES_MAX)
		return r;
	class = array_push(a->ns, a->nr_ns, a->cap_ns);
	class->key = t->ns;
	class->ns = *ret;
	return 0;
}

static uint64_t signals_looked_at(void)
{
	static const int signals[VIEW_SIGNALS_NR] = VIEW_SIGNALS;
	uint64_t set = 0;

	for (size_t i = 0; i < VIEW_SIGNALS_NR; i++)
		set |= 1ull << (signals[i] - 1);
	return set;
}

/* What every thread has for itself is left out. */
static void status_copy(const struct proc_status *s, struct proc_status *ret)
{
	*ret = (struct proc_status){
		.umask = s->umask,
		.sig_blk = s->sig_blk,
		.sig_cgt = s->sig_cgt & signals_looked_at(),
		.nr_groups = s->nr_groups,
		.no_new_privs = s->no_new_privs,
		.shstk = s->shstk,
		.cap_inh = s->cap_inh,
		.cap_prm = s->cap_prm,
		.cap_eff = s->cap_eff,
		.cap_bnd = s->cap_bnd,
		.cap_amb = s->cap_amb,
		.seccomp = s->seccomp,
		.seccomp_filters = s->seccomp_filters,
	};
	memcpy(ret->uid, s->uid, sizeof(ret->uid));
	memcpy(ret->gid, s->gid, sizeof(ret->gid));
	if (s->nr_groups)
		ret->groups = mem_dup(s->groups, s->nr_groups * sizeof(*s->groups));
}

int alike_status_read(struct alike *a, pid_t tid, struct proc_buf *b, struct proc_status *ret)
{
	const struct view_thread *t = alike_seen(a, tid);
	struct alike_status *class;
	int r;

	for (size_t i = 0; t && !t->has_pending && i < a->nr_statuses; i++) {
		if (!memcmp(&a->statuses[i].key, &t->status, sizeof(t->status))) {
			status_copy(&a->statuses[i].status, ret);
			ret->pid = tid;
			memcpy(ret->comm, t->comm, sizeof(t->comm));
			return 0;
		}
	}
	r = proc_status_of(tid, b, ret);
	if (r < 0 || !t || t->has_pending || a->nr_statuses == CLASSES_MAX)
		return r;
	class = array_push(a->statuses, a->nr_statuses, a->cap_statuses);
	class->key = t->status;
	status_copy(ret, &class->status);
	return 0;
}

int alike_link_read(struct alike *a, pid_t tid, int proc, enum view_link which, char **ret_path,
		    struct stat *ret_st)
{
	static const char *const names[VIEW_LINKS] = { "exe", "cwd", "root" };
	const struct view_thread *t = alike_seen(a, tid);
	struct alike_link *class;
	char path[PATH_MAX];
	int r;

	for (size_t i = 0; t && i < a->nr_links; i++) {
		class = &a->links[i];
		if (class->which == which &&
		    !memcmp(&class->key, &t->links[which], sizeof(class->key))) {
			*ret_path = mem_strdup(class->path);
			*ret_st = class->st;
			return 0;
		}
	}
	r = proc_link(proc, names[which], path, sizeof(path));
	if (r < 0)
		return r;
	if (fstatat(proc, names[which], ret_st, 0) < 0)
		return -errno;
	*ret_path = mem_strdup(path);
	if (!t || !t->links[which].dentry || a->nr_links == CLASSES_MAX)
		return 0;
	class = array_push(a->links, a->nr_links, a->cap_links);
	*class = (struct alike_link){ which, t->links[which], mem_strdup(path), *ret_st };
	return 0;
}

/* --- mappings ---------------------------------------------------------------------------- */

/* What the view has of the mappings of one process; nr 0: not known. */
struct seen {
	const struct view_vma *v;
	size_t nr;
};

/* Each in the same order: false where the two lists differ. */
static bool pair(const struct proc_vmas *l, struct seen seen, size_t i, size_t *at,
		 uint64_t *ret_raw)
{
	if (l->v[i].special == PROC_VMA_VSYSCALL) {
		*ret_raw = ALIKE_NO_FLAGS;
		return true;
	}
	if (*at == seen.nr || seen.v[*at].start != l->v[i].start)
		return false;
	*ret_raw = seen.v[(*at)++].flags;
	return true;
}

#define RECENT 8

/* A process has many mappings of a few sorts. NULL: not known. */
static const struct alike_flags *flags_of(const struct alike *a, struct alike_flags *recent,
					  size_t *nr, uint64_t raw)
{
	struct alike_flags *next = &recent[*nr % RECENT];

	for (size_t i = 0; i < *nr && i < RECENT; i++)
		if (recent[i].raw == raw)
			return &recent[i];
	if (!alike_flags_know(a->flags, a->nr_flags, raw, next))
		return NULL;
	++*nr;
	return next;
}

static bool flags_apply(const struct alike *a, struct proc_vmas *l, struct seen seen)
{
	struct alike_flags recent[RECENT];
	size_t at = 0, nr = 0;
	uint64_t raw;

	for (size_t i = 0; i < l->nr; i++) {
		const struct alike_flags *f =
		    pair(l, seen, i, &at, &raw) ? flags_of(a, recent, &nr, raw) : NULL;

		if (!f)
			return false;
		l->v[i].vmflags_known = true;
		l->v[i].vmflags = f->vmflags;
		l->v[i].pkey = f->pkey;
	}
	return at == seen.nr;
}

static bool flags_are_known(const struct alike *a, uint64_t raw)
{
	for (size_t i = 0; i < a->nr_flags; i++)
		if (a->flags[i].raw == raw)
			return true;
	return false;
}

static void flags_learn(struct alike *a, const struct proc_vmas *l, struct seen seen)
{
	size_t at = 0;
	uint64_t raw;

	for (size_t i = 0; i < l->nr; i++) {
		if (!pair(l, seen, i, &at, &raw))
			return;
		if (!l->v[i].vmflags_known || l->v[i].vmflags & PROC_VMF(HT) ||
		    a->nr_flags == CLASSES_MAX || flags_are_known(a, raw))
			continue;
		*array_push(a->flags, a->nr_flags, a->cap_flags) =
		    (struct alike_flags){ raw, l->v[i].vmflags, l->v[i].pkey };
	}
}

static struct seen view_read(struct alike *a, pid_t pid, size_t expected)
{
	for (int i = 0; i < 2; i++) {
		ssize_t nr;

		if (a->cap_vmas < expected) {
			a->vmas = mem_realloc(a->vmas, expected, sizeof(*a->vmas));
			a->cap_vmas = expected;
		}
		nr = taskview_vmas(a->view, pid, a->vmas, a->cap_vmas);
		if (nr <= (ssize_t)a->cap_vmas)
			return (struct seen){ a->vmas, nr < 0 ? 0 : (size_t)nr };
		expected = (size_t)nr;
	}
	return (struct seen){ 0 };
}

static struct alike_maps *maps_find(const struct alike *a, const struct view_process *p,
				    struct seen seen)
{
	for (size_t i = 0; p && seen.nr && i < a->nr_maps; i++) {
		struct alike_maps *m = &a->maps[i];

		if (m->nr_seen == seen.nr && !memcmp(m->of->places, p->places, sizeof(p->places)) &&
		    !memcmp(m->seen, seen.v, seen.nr * sizeof(*seen.v)))
			return m;
	}
	return NULL;
}

static void maps_add(struct alike *a, const struct view_process *p, struct proc_vmas *list,
		     struct seen seen)
{
	struct alike_maps *m;

	if (!p || a->nr_maps == CLASSES_MAX || !seen.nr || seen.nr > MAPS_MAX)
		return;
	m = array_push(a->maps, a->nr_maps, a->cap_maps);
	*m = (struct alike_maps){ .of = p, .nr_seen = seen.nr };
	m->seen = mem_dup(seen.v, seen.nr * sizeof(*seen.v));
	list->like = p;
	proc_vmas_share(list, &m->list);
}

static bool no_policies(struct seen seen)
{
	for (size_t i = 0; i < seen.nr; i++)
		if (seen.v[i].policy)
			return false;
	return seen.nr > 0;
}

static int maps_read(struct alike *a, pid_t pid, int proc, struct proc_buf *b, struct seen *seen,
		     struct proc_vmas *ret)
{
	int r;

	if (a->nr_flags) {
		r = proc_maps_read(proc, b, ret);
		if (r < 0)
			return r;
		if (!seen->nr)
			*seen = view_read(a, pid, ret->nr);
		if (seen->nr && flags_apply(a, ret, *seen))
			return 0;
		proc_vmas_done(ret);
	}
	r = proc_smaps_read(proc, b, ret);
	if (r < 0)
		return r;
	if (!seen->nr)
		*seen = view_read(a, pid, ret->nr);
	flags_learn(a, ret, *seen);
	return 0;
}

int alike_smaps_read(struct alike *a, pid_t pid, int proc, struct proc_buf *b,
		     struct proc_vmas *ret)
{
	const struct view_process *p = process_seen(a, pid);
	struct alike_maps *known;
	struct seen seen = { 0 };
	int r;

	if (!a->view)
		return proc_smaps_read(proc, b, ret);
	if (p)
		seen.nr = taskview_vmas_of(a->view, p->mm, &seen.v);
	if (p && !seen.nr)
		seen = view_read(a, pid, MAPS_USUAL);
	known = maps_find(a, p, seen);
	if (known) {
		proc_vmas_share(&known->list, ret);
		return 0;
	}
	r = maps_read(a, pid, proc, b, &seen, ret);
	if (r < 0)
		return r;
	ret->no_policies = no_policies(seen);
	maps_add(a, p, ret, seen);
	return 0;
}

/* --- what a process has ------------------------------------------------------------------ */

int alike_timers_read(struct alike *a, pid_t pid, int proc, struct proc_buf *b,
		      struct proc_timers *ret)
{
	const struct view_process *p = process_seen(a, pid);

	return p && !p->has_timers ? 0 : proc_timers_read(proc, b, ret);
}

static bool stat_is_of(const struct alike_stat *known, const struct view_process *p)
{
	return !memcmp(&known->of->stat, &p->stat, sizeof(p->stat)) &&
	       !memcmp(known->of->places, p->places, sizeof(p->places));
}

int alike_stat_read(struct alike *a, pid_t pid, int proc, struct proc_buf *b,
		    struct proc_stat *ret)
{
	const struct view_process *p = process_seen(a, pid);
	const struct view_thread *t = p && a->view->has_rss ? alike_seen(a, pid) : NULL;
	int r;

	for (size_t i = 0; t && i < a->nr_stats; i++) {
		if (!stat_is_of(&a->stats[i], p))
			continue;
		*ret = a->stats[i].stat;
		ret->pid = pid;
		ret->rss_pages = p->rss_pages;
		memcpy(ret->comm, t->comm, sizeof(t->comm));
		return 0;
	}
	r = proc_stat_read(proc, 0, b, ret);
	if (r < 0 || !t || a->nr_stats == CLASSES_MAX)
		return r;
	*array_push(a->stats, a->nr_stats, a->cap_stats) = (struct alike_stat){
		.of = p,
		.stat = {
			.ppid = ret->ppid,
			.pgrp = ret->pgrp,
			.session = ret->session,
			.tty_nr = ret->tty_nr,
			.tpgid = ret->tpgid,
			.flags = ret->flags,
			.start_code = ret->start_code,
			.end_code = ret->end_code,
			.start_stack = ret->start_stack,
			.exit_signal = ret->exit_signal,
			.start_data = ret->start_data,
			.end_data = ret->end_data,
			.start_brk = ret->start_brk,
			.arg_start = ret->arg_start,
			.arg_end = ret->arg_end,
			.env_start = ret->env_start,
			.env_end = ret->env_end,
			.exit_code = ret->exit_code,
		},
	};
	return 0;
}

/* Its members are those of getrlimit(2). */
int alike_limits_read(struct alike *a, pid_t tid, int proc, struct proc_buf *b,
		      struct proc_limits *ret)
{
	const struct view_process *p = process_seen(a, tid);
	int r = 0;

	if (p) {
		memcpy(ret->limit, p->limits, sizeof(ret->limit));
		return 0;
	}
	/* Is quick, but wants CAP_SYS_RESOURCE for a task of another user. */
	for (size_t i = 0; i < RLIM_NLIMITS && !r; i++)
		r = prlimit64(tid, (enum __rlimit_resource)i, NULL, &ret->limit[i]);
	return r ? proc_limits_read(proc, b, ret) : 0;
}

int alike_auxv_read(struct alike *a, pid_t pid, int proc, struct proc_buf *b, uint64_t *ret,
		    size_t max, size_t *ret_nr)
{
	const struct view_process *p = process_seen(a, pid);
	int r;

	for (size_t i = 0; p && i < a->nr_auxvs; i++) {
		const struct alike_auxv *known = &a->auxvs[i];

		if (known->nr > max || memcmp(known->of->auxv, p->auxv, sizeof(p->auxv)) != 0)
			continue;
		memcpy(ret, known->words, known->nr * sizeof(*ret));
		*ret_nr = known->nr;
		return 0;
	}
	r = proc_auxv_read(proc, b, ret, max, ret_nr);
	if (r < 0 || !p || a->nr_auxvs == CLASSES_MAX)
		return r;
	*array_push(a->auxvs, a->nr_auxvs, a->cap_auxvs) =
	    (struct alike_auxv){ p, mem_dup(ret, *ret_nr * sizeof(*ret)), *ret_nr };
	return 0;
}

static int numbers_read(pid_t tid, struct proc_buf *b, struct proc_numbers *ret)
{
	cleanup_close int proc = proc_open(tid);
	int r = proc < 0 ? proc : proc_oom_score_adj_read(proc, b, &ret->oom_score_adj);

	if (r < 0)
		return r;
	ret->has_coredump_filter = proc_coredump_filter_read(proc, b, &ret->coredump_filter) >= 0;
	ret->has_loginuid = proc_loginuid_read(proc, b, &ret->loginuid) >= 0;
	return 0;
}

int alike_numbers_read(struct alike *a, pid_t tid, struct proc_buf *b, struct proc_numbers *ret)
{
	const struct view_process *p = process_seen(a, tid);
	int r;

	*ret = (struct proc_numbers){ 0 };
	for (size_t i = 0; p && i < a->nr_numbers; i++) {
		if (!memcmp(&a->numbers[i].key, &p->numbers, sizeof(p->numbers))) {
			*ret = a->numbers[i].numbers;
			return 0;
		}
	}
	r = numbers_read(tid, b, ret);
	if (r >= 0 && p && a->nr_numbers < CLASSES_MAX)
		*array_push(a->numbers, a->nr_numbers, a->cap_numbers) =
		    (struct alike_numbers){ p->numbers, *ret };
	return r;
}

bool alike_fds_are_few(const struct alike *a, pid_t pid)
{
	const struct view_process *p = process_seen(a, pid);

	return p && p->has_fds;
}

int alike_fds_read(struct alike *a, pid_t pid, int proc, struct proc_fds *ret)
{
	const struct view_process *p = process_seen(a, pid);
	int r;

	for (size_t i = 0; p && p->has_fds && i < a->nr_fds; i++) {
		const struct alike_fds *known = &a->fds[i];

		if (memcmp(known->of->open_fds, p->open_fds, sizeof(p->open_fds)) != 0)
			continue;
		*ret = (struct proc_fds){ .nr = known->nr, .cap = known->nr };
		if (known->nr)
			ret->v = mem_dup(known->fd, known->nr * sizeof(*known->fd));
		return 0;
	}
	r = proc_fds_read(proc, 0, ret);
	if (r < 0 || !p || !p->has_fds || a->nr_fds == CLASSES_MAX)
		return r;
	*array_push(a->fds, a->nr_fds, a->cap_fds) =
	    (struct alike_fds){ p, ret->nr ? mem_dup(ret->v, ret->nr * sizeof(*ret->v)) : NULL,
				ret->nr };
	return 0;
}

static void processes_done(struct alike *a)
{
	for (size_t i = 0; i < a->nr_maps; i++) {
		free(a->maps[i].seen);
		proc_vmas_done(&a->maps[i].list);
	}
	for (size_t i = 0; i < a->nr_auxvs; i++)
		free(a->auxvs[i].words);
	for (size_t i = 0; i < a->nr_fds; i++)
		free(a->fds[i].fd);
	free(a->numbers);
	free(a->stats);
	free(a->maps);
	free(a->auxvs);
	free(a->fds);
}

void alike_done(struct alike *a)
{
	for (size_t i = 0; i < a->nr_statuses; i++)
		proc_status_done(&a->statuses[i].status);
	for (size_t i = 0; i < a->nr_links; i++)
		free(a->links[i].path);
	processes_done(a);
	free(a->links);
	free(a->ns);
	free(a->statuses);
	free(a->flags);
	free(a->vmas);
	*a = (struct alike){ 0 };
}
