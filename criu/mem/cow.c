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
#define PAGES_AT_ONCE 4096 /* 32 KiB of entries */
#define NOBODY        UINT32_MAX

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

/* --- one task --------------------------------------------------------------------- */

struct cow {
	struct page_out *o;
	int pagemap;
	struct {
		const struct task *task;
		int fd;
	} kin[KIN_MAX];
	size_t nr;
	uint64_t same; /* pages */
	uint64_t own[PAGES_AT_ONCE], other[PAGES_AT_ONCE];
	uint8_t whose[PAGES_AT_ONCE]; /* 0: its own; else 1 + index in kin */
};

static int pagemap_open(const struct task *t)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)task_tid(t));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? fail(errno, "open %s", path) : fd;
}

static int kin_open(struct cow *c, const struct tree *tree, uint32_t task)
{
	const struct task *t;
	int fd;

	if (task == NOBODY)
		return 0;
	t = tree->tasks[task];
	for (size_t i = 0; i < c->nr; i++)
		if (c->kin[i].task == t)
			return 0;
	fd = pagemap_open(t);
	if (fd < 0)
		return fd;
	c->kin[c->nr].task = t;
	c->kin[c->nr++].fd = fd;
	return 0;
}

int cow_open(const struct cow_kinship *k, const struct tree *tree, size_t task, struct page_out *o,
	     struct cow **ret)
{
	const struct cow_kin *kin = &k->v[task];
	struct cow *c;
	int r;

	*ret = NULL;
	if (kin->parent == NOBODY)
		return 0;
	*ret = c = mem_alloc(sizeof(*c));
	c->o = o;
	c->pagemap = r = pagemap_open(tree->tasks[task]);
	if (r >= 0)
		r = kin_open(c, tree, kin->parent);
	if (r >= 0)
		r = kin_open(c, tree, kin->first);
	if (r >= 0)
		r = kin_open(c, tree, kin->before);
	return r < 0 ? r : kin_open(c, tree, k->v[kin->parent].parent);
}

struct cow *cow_free(struct cow *c, uint64_t *ret_same)
{
	*ret_same = c ? c->same : 0;
	for (size_t i = 0; c && i < c->nr; i++)
		close(c->kin[i].fd);
	if (c && c->pagemap >= 0)
		close(c->pagemap);
	free(c);
	return NULL;
}

/* Of mappings that are not there, entries are 0. Past the end of the address space there are
 * none. */
static int entries_read(int fd, uint64_t start, size_t nr, uint64_t *ret)
{
	size_t want = nr * sizeof(*ret), got = 0;

	while (got < want) {
		ssize_t n = pread(fd, (char *)ret + got, want - got,
				  (off_t)(start / PAGE_BYTES * sizeof(*ret) + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(errno, "read pagemap at %#llx", (unsigned long long)start);
		if (n == 0)
			break;
		got += (size_t)n;
	}
	memset((char *)ret + got, 0, want - got);
	return 0;
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

/* How many may be somebody else's as well. */
static size_t mark_candidates(struct cow *c, size_t nr)
{
	size_t open = 0;

	for (size_t i = 0; i < nr; i++) {
		bool alone = c->own[i] & PM_ENTRY_EXCLUSIVE;

		c->own[i] = alone ? 0 : identity(c->own[i]);
		c->whose[i] = 0;
		open += c->own[i] != 0;
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
	const struct task *t = whose ? c->kin[whose - 1].task : NULL;

	if (!t || !is_stored(t->mm, start, end))
		return page_out_range(c->o, start, end, flags);
	c->same += (end - start) / PAGE_BYTES;
	return page_out_same(c->o, start, end, (uint32_t)t->pid);
}

static int some_write(struct cow *c, uint64_t start, size_t nr, uint32_t flags)
{
	size_t open, next;
	int r = entries_read(c->pagemap, start, nr, c->own);

	if (r < 0)
		return r;
	open = mark_candidates(c, nr);
	for (size_t k = 0; k < c->nr && open; k++) {
		r = entries_read(c->kin[k].fd, start, nr, c->other);
		if (r < 0)
			return r;
		open -= mark_same(c, nr, k);
	}
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
