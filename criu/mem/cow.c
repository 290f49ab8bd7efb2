// SPDX-License-Identifier: GPL-2.0-only
/*
 * After a fork, parent and child have the same physical pages at the same addresses, until one of
 * them writes. /proc/PID/pagemap tells which page it is (its frame, or its place in the swap), and
 * whether nobody else has it. What one of those that come earlier in the tree has, too, is not
 * stored a second time: the pagemap says whose it is.
 *
 * A page can only be shared with one's ancestors and their other children. Asked are the parent,
 * its parent, and two of the parent's other children: the first one, and the one just before.
 * What the parent has written to since is most often still shared by all of its children.
 */
#include "criu/mem/cow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/uapi.h"
#include "criu/mem/vma.h"

#define KIN_MAX       4
#define READERS       (1 + KIN_MAX)
#define PAGES_AT_ONCE 4096 /* 32 KiB of entries */
#define NOBODY        UINT32_MAX
#define WINDOW        128 /* entries */
#define WINDOWS       8

/* Indices in the tree. */
struct cow_kin {
	uint32_t parent; /* from whom it has its pages by fork; NOBODY */
	uint32_t first, before; /* children of the same parent; NOBODY */
	uint32_t last_child; /* so far */
	uint32_t first_child;
	bool has_child;
};

static bool has_memory(const struct task *t)
{
	return task_is_alive(t) && t->mm;
}

static void kin_add(struct cow_kin *v, uint32_t task, uint32_t parent)
{
	struct cow_kin *p = &v[parent];

	v[task].parent = parent;
	v[task].first = p->first_child;
	v[task].before = p->last_child;
	if (p->first_child == NOBODY)
		p->first_child = task;
	p->last_child = task;
	p->has_child = true;
}

void cow_kinship_find(struct cow_kinship *k, const struct tree *tree)
{
	struct map index = { 0 };
	struct cow_kin *v = mem_alloc((tree->nr + 1) * sizeof(*v));

	for (size_t i = 0; i < tree->nr; i++) {
		const struct task *t = tree->tasks[i];
		const struct cow_kin *p = NULL;

		v[i] = (struct cow_kin){ NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, false };
		if (!has_memory(t))
			continue;
		map_put(&index, (uint64_t)t->pid, &v[i]);
		if (t->parent && t->stat.flags & PROC_PF_FORKNOEXEC)
			p = map_get(&index, (uint64_t)t->parent->pid);
		if (p)
			kin_add(v, (uint32_t)i, (uint32_t)(p - v));
	}
	map_done(&index);
	k->v = v;
}

void cow_kinship_done(struct cow_kinship *k)
{
	free(k->v);
	k->v = NULL;
}

bool cow_has_kin(const struct cow_kinship *k, size_t task)
{
	return k->v[task].parent != NOBODY || k->v[task].has_child;
}

/* --- entries ---------------------------------------------------------------------- */

struct window {
	uint64_t start;
	size_t nr; /* 0: nothing is there */
	uint64_t entries[WINDOW];
};

/* Ranges are many, small, and close to each other. */
struct reader {
	const struct task *task; /* NULL: free */
	int fd; /* -1: not open yet */
	size_t next; /* window to be written over */
	struct window windows[WINDOWS];
};

static void reader_begin(struct reader *r, const struct task *t)
{
	r->task = t;
	r->fd = -1;
	r->next = 0;
	for (size_t i = 0; i < WINDOWS; i++)
		r->windows[i].nr = 0;
}

static void reader_end(struct reader *r)
{
	if (r->task && r->fd >= 0)
		close(r->fd);
	r->task = NULL;
}

static int reader_open(struct reader *r)
{
	char path[32];

	if (r->fd >= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)task_tid(r->task));
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	return r->fd < 0 ? fail(errno, "open %s", path) : 0;
}

/* Of mappings that are not there, entries are 0. Past the end of the address space there are
 * none: how many there are. */
static ssize_t entries_get(struct reader *r, uint64_t start, size_t nr, uint64_t *ret)
{
	size_t want = nr * sizeof(*ret), got = 0;

	while (got < want) {
		ssize_t n = pread(r->fd, (char *)ret + got, want - got,
				  (off_t)(start / PAGE_BYTES * sizeof(*ret) + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(errno, "read pagemap of pid %d at %#llx", (int)r->task->pid,
				    (unsigned long long)start);
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)(got / sizeof(*ret));
}

static const uint64_t *window_find(const struct reader *r, uint64_t start, size_t nr)
{
	for (size_t i = 0; i < WINDOWS; i++) {
		const struct window *w = &r->windows[i];
		uint64_t off = (start - w->start) / PAGE_BYTES;

		if (start >= w->start && off < w->nr && nr <= w->nr - off)
			return w->entries + off;
	}
	return NULL;
}

static int entries_read(struct reader *r, uint64_t start, size_t nr, uint64_t *ret)
{
	const uint64_t *seen = window_find(r, start, nr);
	struct window *w = &r->windows[r->next];
	ssize_t n;

	if (!seen) {
		bool is_small = nr <= WINDOW / 2;
		int err = reader_open(r);

		if (err < 0)
			return err;
		n = is_small ? entries_get(r, start, WINDOW, w->entries)
			     : entries_get(r, start, nr, ret);
		if (n < 0)
			return (int)n;
		if (!is_small) {
			memset(ret + n, 0, (nr - (size_t)n) * sizeof(*ret));
			return 0;
		}
		memset(w->entries + n, 0, (WINDOW - (size_t)n) * sizeof(*ret));
		w->start = start;
		w->nr = WINDOW;
		r->next = (r->next + 1) % WINDOWS;
		seen = w->entries;
	}
	memcpy(ret, seen, nr * sizeof(*ret));
	return 0;
}

/* --- one task --------------------------------------------------------------------- */

struct cow {
	struct page_out *o;
	struct reader readers[READERS]; /* of this task and its kin; or of those before */
	struct reader *self, *kin[KIN_MAX];
	size_t nr;
	uint64_t same; /* pages */
	uint64_t own[PAGES_AT_ONCE], other[PAGES_AT_ONCE];
	uint8_t whose[PAGES_AT_ONCE]; /* 0: its own; else 1 + index in kin */
};

/* Each once. */
static size_t kin_list(const struct cow_kinship *k, const struct tree *tree, size_t task,
		       const struct task **ret)
{
	const struct cow_kin *kin = &k->v[task];
	const uint32_t all[KIN_MAX] = { kin->parent, kin->first, kin->before,
					k->v[kin->parent].parent };
	size_t nr = 0;

	for (size_t i = 0; i < KIN_MAX; i++) {
		const struct task *t = all[i] == NOBODY ? NULL : tree->tasks[all[i]];
		bool is_new = t;

		for (size_t j = 0; j < nr; j++)
			is_new &= ret[j] != t;
		if (is_new)
			ret[nr++] = t;
	}
	return nr;
}

static bool is_wanted(const struct task *t, const struct task *const *list, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (list[i] == t)
			return true;
	return false;
}

/* One that reads it already, or a free one. */
static struct reader *reader_take(struct cow *c, const struct task *t)
{
	struct reader *free = NULL;

	for (size_t i = 0; i < READERS; i++) {
		if (c->readers[i].task == t)
			return &c->readers[i];
		if (!c->readers[i].task)
			free = &c->readers[i];
	}
	reader_begin(free, t);
	return free;
}

bool cow_begin(struct cow **cow, const struct cow_kinship *k, const struct tree *tree, size_t task,
	       int *pagemap, struct page_out *o)
{
	const struct task *kin[KIN_MAX];
	struct cow *c;

	if (k->v[task].parent == NOBODY)
		return false;
	if (!*cow)
		*cow = mem_alloc(sizeof(**cow));
	c = *cow;
	c->o = o;
	c->same = 0;
	c->nr = kin_list(k, tree, task, kin);
	for (size_t i = 0; i < READERS; i++)
		if (!is_wanted(c->readers[i].task, kin, c->nr))
			reader_end(&c->readers[i]);
	for (size_t i = 0; i < c->nr; i++)
		c->kin[i] = reader_take(c, kin[i]);
	c->self = reader_take(c, tree->tasks[task]);
	if (c->self->fd < 0)
		c->self->fd = take_fd(pagemap);
	o->copy.gently = false;
	return true;
}

uint64_t cow_end(struct cow *c)
{
	return c->same;
}

void cow_free(struct cow *c)
{
	for (size_t i = 0; c && i < READERS; i++)
		reader_end(&c->readers[i]);
	free(c);
}

/* What a page is known by; 0: there is none, it is of a file, or the kernel hides it from us. */
static uint64_t identity(uint64_t entry)
{
	if (entry & (PM_ENTRY_FILE | PM_ENTRY_GUARD) || !(entry & PM_ENTRY_PFN))
		return 0;
	return entry & (PM_ENTRY_PRESENT | PM_ENTRY_SWAP)
		   ? entry & (PM_ENTRY_PRESENT | PM_ENTRY_SWAP | PM_ENTRY_PFN)
		   : 0;
}

/* How many may be somebody else's, too. *ret_shared: with those that cannot be recognised. */
static size_t mark_candidates(struct cow *c, size_t nr, size_t *ret_shared)
{
	size_t open = 0;

	*ret_shared = nr;
	for (size_t i = 0; i < nr; i++) {
		bool alone = c->own[i] & PM_ENTRY_EXCLUSIVE;

		c->own[i] = alone ? 0 : identity(c->own[i]);
		c->whose[i] = 0;
		open += c->own[i] != 0;
		*ret_shared -= alone;
	}
	return open;
}

static size_t mark_same(struct cow *c, size_t nr, size_t kin)
{
	size_t found = 0;

	for (size_t i = 0; i < nr; i++) {
		if (c->whose[i] || !c->own[i] || c->own[i] != identity(c->other[i]))
			continue;
		c->whose[i] = (uint8_t)(kin + 1);
		found++;
	}
	return found;
}

/* All of it is stored with that task, or is a reference there. */
static bool is_stored(const MmEntry *mm, uint64_t start, uint64_t end)
{
	for (size_t i = vma_find(mm, start); i < mm->n_vmas && start < end; i++) {
		const VmaEntry *v = mm->vmas[i];

		if (v->start > start || !vma_has_private_pages(v) ||
		    v->status & (VMA_VDSO | VMA_AIORING) || v->userfault)
			return false;
		start = v->end;
	}
	return start >= end;
}

static int run_write(struct cow *c, uint64_t start, uint64_t end, uint8_t whose, uint32_t flags)
{
	const struct task *t = whose ? c->kin[whose - 1]->task : NULL;

	if (!t || !is_stored(t->mm, start, end)) {
		c->o->copy.gently |= whose > 0;
		return page_out_range(c->o, start, end, flags);
	}
	c->same += (end - start) / PAGE_BYTES;
	return page_out_same(c->o, start, end, (uint32_t)t->pid);
}

static int some_write(struct cow *c, uint64_t start, size_t nr, uint32_t flags)
{
	size_t open, shared, next;
	int r = entries_read(c->self, start, nr, c->own);

	if (r < 0)
		return r;
	open = mark_candidates(c, nr, &shared);
	for (size_t k = 0; k < c->nr && open; k++) {
		size_t found;

		r = entries_read(c->kin[k], start, nr, c->other);
		if (r < 0)
			return r;
		found = mark_same(c, nr, k);
		open -= found;
		shared -= found;
	}
	c->o->copy.gently |= shared > 0;
	for (size_t i = 0; i < nr && r >= 0; i = next) {
		for (next = i + 1; next < nr && c->whose[next] == c->whose[i];)
			next++;
		r = run_write(c, start + i * PAGE_BYTES, start + next * PAGE_BYTES, c->whose[i],
			      flags);
	}
	return r;
}

int cow_range(struct cow *c, uint64_t start, uint64_t end, uint32_t flags)
{
	int r = 0;

	while (start < end && r >= 0) {
		uint64_t nr = (end - start) / PAGE_BYTES;

		if (nr > PAGES_AT_ONCE)
			nr = PAGES_AT_ONCE;
		r = some_write(c, start, (size_t)nr, flags);
		start += nr * PAGE_BYTES;
	}
	return r;
}
