// SPDX-License-Identifier: GPL-2.0-only
/*
 * seccomp(2). A thread has a mode and, in filter mode, a chain of filters: each install puts
 * one in front, clone(2) shares the chain. ptrace(2) tells the programs, as they were
 * given to the kernel, and of their flags SECCOMP_FILTER_FLAG_LOG, the only one that lasts.
 * Images: images/seccomp.proto, where equal chains are one, so a shared beginning is stored
 * once.
 *
 * On the way back all threads of a process are traced with seccomp suspended first. Then,
 * while everybody still has crtool's capabilities and nobody has no_new_privs (which
 * SECCOMP_FILTER_FLAG_TSYNC would hand on), the leader installs what all threads begin with
 * for all of them at once: they share it again, so that a TSYNC of their own works. The
 * rest of its chain each thread installs itself. Suspension ends as the thread is let go.
 *
 * Tests: test/zdtm/static/seccomp_*, test/zdtm/transition/seccomp00.
 */
#include "criu/task/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"
#include "criu/task/verdict.h"
#include "images/seccomp.pb-c.h"

#define NO_FILTER  UINT32_MAX
#define INSN_BYTES sizeof(struct sock_filter)
/* What can be given back to the kernel. */
#define FLAGS_KEPT SECCOMP_FILTER_FLAG_LOG
/* MAX_INSNS_PER_PATH of kernel/seccomp.c, where each filter counts as four more than it has. */
#define CHAIN_MAX  (32768 / 5)

/* --- dump --------------------------------------------------------------------- */

/* A filter behind another one. Images number them in this order: a chain never leads up. */
struct seccomp_node {
	uint32_t prev; /* NO_FILTER: the first */
	uint32_t flags;
	uint32_t len; /* instructions */
	struct sock_filter *insn; /* in the arena of the dump */
};

static uint32_t node_get(struct dump *d, const struct seccomp_node *want)
{
	struct seccomp_node *n;

	for (size_t i = d->nr_seccomp; i-- > 0;) {
		n = &d->seccomp[i];
		if (n->prev == want->prev && n->len == want->len && n->flags == want->flags &&
		    !memcmp(n->insn, want->insn, n->len * INSN_BYTES))
			return (uint32_t)i;
	}
	n = array_push(d->seccomp, d->nr_seccomp, d->cap_seccomp);
	*n = *want;
	n->insn = arena_dup(&d->arena, want->insn, want->len * INSN_BYTES);
	return (uint32_t)(d->nr_seccomp - 1);
}

/* A verdict is a constant of the program; no other use of this one is known. */
static bool asks_supervisor(const struct seccomp_node *n)
{
	for (uint32_t i = 0; i < n->len; i++) {
		uint16_t code = n->insn[i].code;

		if ((code == (BPF_RET | BPF_K) || code == (BPF_LD | BPF_IMM)) &&
		    (n->insn[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
			return true;
	}
	return false;
}

static int filter_read(struct dump *d, const struct task *t, struct thread *th, uint32_t nth,
		       uint32_t flags)
{
	struct sock_filter insn[BPF_MAXINSNS];
	struct seccomp_node n = { .prev = th->seccomp_last, .flags = flags, .insn = insn };
	int r = tracee_seccomp_filter(th->tid, nth, insn);

	if (r == -EMEDIUMTYPE) {
		blocker(NULL,
			"pid %d (%s): thread %d: seccomp filter %u has no program that can "
			"be read",
			(int)t->pid, t->comm, (int)th->tid, nth);
		return 0;
	}
	if (r < 0)
		return fail(-r, "read seccomp filter %u", nth);
	n.len = (uint32_t)r;
	if (asks_supervisor(&n) || (flags & ~(uint32_t)FLAGS_KEPT))
		blocker(NULL,
			"pid %d (%s): thread %d: seccomp filter %u leaves calls to a supervisor "
			"(SECCOMP_RET_USER_NOTIF), which cannot be connected to it again",
			(int)t->pid, t->comm, (int)th->tid, nth);
	th->seccomp_last = node_get(d, &n);
	return 0;
}

int seccomp_read(struct dump *d, const struct task *t, struct thread *th)
{
	uint64_t flags;
	int r = 0;

	th->seccomp_last = NO_FILTER;
	if (th->status.seccomp != SECCOMP_MODE_FILTER)
		return 0;
	for (uint32_t nth = 0; r >= 0; nth++) {
		r = tracee_seccomp_flags(th->tid, nth, &flags);
		if (r == -ENOENT)
			return 0;
		if (r == -EACCES)
			return fail_hint(fail(EACCES, "read seccomp filter %u", nth),
					 "run crtool as root, and outside of seccomp");
		r = r < 0 ? fail(-r, "read seccomp filter %u", nth)
			  : filter_read(d, t, th, nth, (uint32_t)flags);
	}
	return r;
}

void seccomp_dump(const struct thread *th, ThreadCoreEntry *e)
{
	if (!th->status.seccomp)
		return;
	e->has_seccomp_mode = true;
	e->seccomp_mode = (SeccompMode)th->status.seccomp;
	e->has_seccomp_filter = th->status.seccomp == SECCOMP_MODE_FILTER;
	e->seccomp_filter = e->has_seccomp_filter ? th->seccomp_last : 0;
}

int seccomp_write(struct dump *d)
{
	SeccompEntry e = SECCOMP_ENTRY__INIT;

	e.n_seccomp_filters = d->nr_seccomp;
	e.seccomp_filters = arena_array(&d->arena, SeccompFilter *, d->nr_seccomp);
	for (size_t i = 0; i < d->nr_seccomp; i++) {
		const struct seccomp_node *n = &d->seccomp[i];
		SeccompFilter *f = arena_message(&d->arena, SeccompFilter, SECCOMP_FILTER__INIT);

		f->filter.data = (uint8_t *)n->insn;
		f->filter.len = n->len * INSN_BYTES;
		f->has_prev = n->prev != NO_FILTER;
		f->prev = f->has_prev ? n->prev : 0;
		f->has_flags = true;
		f->flags = n->flags;
		e.seccomp_filters[i] = f;
	}
	return image_put(d->s->images, IMAGE_SECCOMP, 0, &e.base);
}

void seccomp_done(struct dump *d)
{
	free(d->seccomp);
}

bool seccomp_concerns(const struct task *t)
{
	for (size_t i = 0; i < t->nr_threads; i++)
		if (t->threads[i].status.seccomp)
			return true;
	return false;
}

static bool thread_bars_home(const struct dump *d, const struct thread *th)
{
	static const int calls[] = { SYS_munmap, SYS_rt_sigreturn, SYS_tgkill, SYS_time,
				     SYS_sched_yield };

	if (th->status.seccomp != SECCOMP_MODE_FILTER)
		return th->status.seccomp != 0;
	for (uint32_t i = th->seccomp_last; i != NO_FILTER; i = d->seccomp[i].prev)
		for (size_t j = 0; j < ARRAY_SIZE(calls); j++)
			if (!verdict_is_allow(d->seccomp[i].insn, d->seccomp[i].len, calls[j]))
				return true;
	return false;
}

bool seccomp_bars_home(const struct dump *d, const struct task *t)
{
	for (size_t i = 0; i < t->nr_threads; i++)
		if (thread_bars_home(d, &t->threads[i]))
			return true;
	return false;
}

int seccomp_suspend(const struct task *t, bool suspend)
{
	for (size_t i = 0; i < t->nr_threads; i++) {
		int r = tracee_suspend_seccomp(t->threads[i].tid, suspend);

		if (r == -EPERM)
			return fail_hint(
			    fail(EPERM, "suspend seccomp of thread %d", (int)t->threads[i].tid),
			    "run crtool as root, and outside of seccomp");
		if (r < 0)
			return fail(-r, "suspend seccomp of thread %d", (int)t->threads[i].tid);
	}
	return 0;
}

/* --- restore ------------------------------------------------------------------ */

static int filter_check(const SeccompEntry *e, size_t i)
{
	const SeccompFilter *f = e->seccomp_filters[i];

	if (!f->filter.len || f->filter.len % INSN_BYTES ||
	    f->filter.len > BPF_MAXINSNS * INSN_BYTES)
		return fail_plain("seccomp.img: filter %zu of %zu bytes", i, f->filter.len);
	if (f->has_prev && f->prev >= i)
		return fail_plain("seccomp.img: filter %zu comes behind filter %u", i, f->prev);
	if (f->flags & ~(uint32_t)FLAGS_KEPT)
		return fail_plain("seccomp.img: filter %zu: flags %#x", i, f->flags);
	return 0;
}

/* When somebody has a filter. */
static int image_load(struct restore *r)
{
	ProtobufCMessage *m = NULL;
	int ret = r->seccomp ? 0 : image_get_from(r->s->images, IMAGE_SECCOMP, 0, r->messages, &m);

	if (ret < 0 || r->seccomp)
		return ret;
	r->seccomp = (SeccompEntry *)m;
	for (size_t i = 0; i < r->seccomp->n_seccomp_filters && ret >= 0; i++)
		ret = filter_check(r->seccomp, i);
	return ret;
}

/* Older images have one mode for the whole process. */
static void mode_of(const CoreEntry *leader, const CoreEntry *core, uint32_t *ret_mode,
		    uint32_t *ret_last)
{
	const ThreadCoreEntry *tc = core->thread_core;

	if (tc->has_seccomp_mode || !leader->tc->has_old_seccomp_mode) {
		*ret_mode = tc->has_seccomp_mode ? tc->seccomp_mode : 0;
		*ret_last = tc->has_seccomp_filter ? tc->seccomp_filter : NO_FILTER;
		return;
	}
	*ret_mode = leader->tc->old_seccomp_mode;
	*ret_last = leader->tc->has_old_seccomp_filter ? leader->tc->old_seccomp_filter : NO_FILTER;
}

static int chain_load(struct restore *r, uint32_t last, struct seccomp_chain *ret)
{
	size_t i = last, nr = 1;
	const SeccompEntry *e;
	int err;

	if (ret->mode == SECCOMP_MODE_STRICT)
		return 0;
	if (ret->mode != SECCOMP_MODE_FILTER)
		return fail_plain("seccomp mode %u", ret->mode);
	err = image_load(r);
	if (err < 0)
		return err;
	e = r->seccomp;
	if (last >= e->n_seccomp_filters)
		return fail_plain("seccomp.img has no filter %u", last);
	for (; e->seccomp_filters[i]->has_prev; i = e->seccomp_filters[i]->prev)
		if (++nr > CHAIN_MAX)
			return fail_plain("seccomp.img: more than %d filters in a chain",
					  CHAIN_MAX);
	ret->v = arena_array(&r->arena, SeccompFilter *, nr);
	ret->nr = nr;
	for (i = last; nr-- > 0; i = e->seccomp_filters[i]->prev)
		ret->v[nr] = e->seccomp_filters[i];
	return 0;
}

/* How many filters all threads begin with. */
static size_t common_len(const struct task *t)
{
	const struct seccomp_chain *first = &t->restore->seccomp[0];
	size_t len = first->nr;

	for (size_t i = 1; i < t->nr_threads; i++) {
		const struct seccomp_chain *c = &t->restore->seccomp[i];
		size_t same = 0;

		while (same < len && same < c->nr && c->v[same] == first->v[same])
			same++;
		len = same;
	}
	return len;
}

static int task_load(struct restore *r, struct task *t)
{
	struct task_restore *tr = t->restore;
	int ret = 0;

	for (size_t i = 0; i < t->nr_threads && ret >= 0; i++) {
		uint32_t mode, last;

		mode_of(tr->cores[0], tr->cores[i], &mode, &last);
		if (!mode)
			continue;
		if (!tr->seccomp)
			tr->seccomp = arena_array(&r->arena, struct seccomp_chain, t->nr_threads);
		tr->seccomp[i].mode = mode;
		ret = chain_load(r, last, &tr->seccomp[i]);
	}
	if (ret < 0 || !tr->seccomp)
		return ret;
	tr->seccomp_common = common_len(t);
	r->has_seccomp = true;
	return 0;
}

int seccomp_load(struct restore *r)
{
	struct task *t;

	tasks_for_each(t, &r->tree) {
		int ret = task_is_alive(t) ? task_load(r, t) : 0;

		if (ret < 0)
			return task_fail_at(ret, t);
	}
	return 0;
}

static size_t chain_room(const struct seccomp_chain *c)
{
	size_t room = 2 * sizeof(struct op);

	for (size_t i = 0; i < c->nr; i++)
		room += c->v[i]->filter.len + sizeof(struct op) + 64;
	return room;
}

size_t seccomp_room(const struct task *t)
{
	size_t room = 0;

	for (size_t i = 0; t->restore->seccomp && i < t->nr_threads; i++)
		room += chain_room(&t->restore->seccomp[i]);
	return room;
}

/* With TSYNC a thread that cannot follow is the result of the call. */
static void filter_install(struct program *p, const SeccompFilter *f, uint32_t flags)
{
	struct sock_fprog prog = { .len = (unsigned short)(f->filter.len / INSN_BYTES) };
	struct op *op;

	prog.filter = (void *)(uintptr_t)program_copy(p, f->filter.data, f->filter.len);
	op = PROGRAM_SYSCALL(p, OP_WHAT_SECCOMP, SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			     f->flags | flags, program_copy(p, &prog, sizeof(prog)));
	op->flags |= OP_EXPECT;
}

void seccomp_restore_common(struct program *p, const struct task *t)
{
	for (size_t i = 0; t->restore->seccomp && i < t->restore->seccomp_common; i++)
		filter_install(p, t->restore->seccomp[0].v[i], SECCOMP_FILTER_FLAG_TSYNC);
}

void seccomp_restore_own(struct program *p, const struct task *t, size_t thread)
{
	const struct seccomp_chain *c = t->restore->seccomp;

	if (!c)
		return;
	c += thread;
	for (size_t i = t->restore->seccomp_common; i < c->nr; i++)
		filter_install(p, c->v[i], 0);
	if (c->mode == SECCOMP_MODE_STRICT)
		PROGRAM_SYSCALL(p, OP_WHAT_SECCOMP, SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
}
