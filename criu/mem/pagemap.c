// SPDX-License-Identifier: GPL-2.0-only
/*
 * A run of a pagemap stands in the dump's own pages image, or is said to be in the parent's. Of
 * those the parent's pagemap is asked, and so on, level by level: each asks only for what the one
 * before has left open. A page that nobody has is damage, found before anything is done.
 *
 * A run may also be said to be that of another process (same_as). In the dump that is restored,
 * that is for mem/share_plan.c. In a parent it is looked up there: the two may have parted since.
 */
#include "criu/mem/pagemap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/image/chain.h"
#include "criu/image/reader.h"
#include "criu/mem/pages.h"
#include "criu/mem/vma.h"

#define HOPS_MAX 1024 /* from level to level, and from process to process */

struct entry {
	uint64_t addr, len, off;
	uint32_t same_as;
	bool in_parent;
};

/* One pagemap image. */
struct level {
	struct entry *v;
	size_t nr, cap;
	uint32_t pages_id;
	uint64_t bytes; /* that its pages image must have */
};

static int entry_load(const PagemapEntry *e, struct level *l)
{
	uint64_t nr = e->has_nr_pages ? e->nr_pages : e->compat_nr_pages;
	uint32_t flags = e->has_flags ? e->flags : PAGE_PRESENT;
	uint64_t last = l->nr ? l->v[l->nr - 1].addr + l->v[l->nr - 1].len : 0;
	struct entry *new;

	if (e->vaddr & PAGE_REST || nr == 0 || nr > TASK_END / PAGE_BYTES ||
	    e->vaddr > TASK_END - nr * PAGE_BYTES)
		return fail_plain("%llu pages at %#llx", (unsigned long long)nr,
				  (unsigned long long)e->vaddr);
	if (e->vaddr < last)
		return fail_plain("pages at %#llx are out of order", (unsigned long long)e->vaddr);
	new = array_push(l->v, l->nr, l->cap);
	*new = (struct entry){ e->vaddr, nr * PAGE_BYTES, l->bytes, 0, false };
	new->same_as = e->has_same_as ? e->same_as : 0;
	new->in_parent = flags &PAGE_IN_PARENT || (e->has_in_parent && e->in_parent);
	if (!new->in_parent && !new->same_as)
		l->bytes += new->len;
	return 0;
}

static int level_read(struct image_reader *img, struct level *l)
{
	ProtobufCMessage *m;
	int err = image_read(img, &m);

	if (err > 0) {
		l->pages_id = ((const PagemapHead *)m)->pages_id;
		protobuf_c_message_free_unpacked(m, NULL);
	}
	while (err > 0 && (err = image_read(img, &m)) > 0) {
		err = entry_load((const PagemapEntry *)m, l);
		protobuf_c_message_free_unpacked(m, NULL);
		if (err < 0)
			return fail_at(err, "%s", image_reader_where(img));
		err = 1;
	}
	return err;
}

/* All pages that the list speaks of are in the file. */
static int level_check(const struct image_dir *dir, const struct level *l)
{
	uint64_t size;
	int err;

	if (!l->bytes)
		return 0;
	err = image_dir_stat_file(dir, IMAGE_PAGES, l->pages_id, &size);
	if (err == 0)
		return fail_plain("%s/pages-%u.img is missing", image_dir_path(dir), l->pages_id);
	if (err > 0 && size < l->bytes)
		return fail_plain("%s/pages-%u.img is cut off: %llu bytes of %llu",
				  image_dir_path(dir), l->pages_id, (unsigned long long)size,
				  (unsigned long long)l->bytes);
	return err < 0 ? err : 0;
}

/* 1, or 0 when there is none. */
static int level_load(const struct image_dir *dir, enum image_kind kind, uint64_t id,
		      struct level *l)
{
	struct image_reader *img;
	int err = image_reader_open(dir, kind, id, &img);

	if (err <= 0)
		return err;
	err = level_read(img, l);
	image_reader_free(img);
	if (err >= 0)
		err = level_check(dir, l);
	return err < 0 ? err : 1;
}

/* --- from level to level ----------------------------------------------------------- */

struct wanted {
	struct page_same *v; /* .pid: where to look; 0: in the parent */
	size_t nr, cap;
};

struct resolving {
	struct image_chain *chain;
	enum image_kind kind;
	struct page_list *list;
};

static uint32_t file_of(struct page_list *l, uint32_t level, uint32_t pages_id)
{
	for (size_t i = l->nr_files; i-- > 0;)
		if (l->files[i].level == level && l->files[i].pages_id == pages_id)
			return (uint32_t)i;
	*array_push(l->files, l->nr_files, l->cap_files) = (struct page_file){ level, pages_id };
	return (uint32_t)l->nr_files - 1;
}

/* The piece of an entry that is asked for. */
static void take(const struct resolving *v, uint32_t level, const struct level *l,
		 const struct entry *e, uint64_t from, uint64_t to, struct wanted *next)
{
	struct page_list *list = v->list;

	if (e->same_as && !level)
		*array_push(list->same, list->nr_same, list->cap_same) =
		    (struct page_same){ from, to - from, e->same_as };
	else if (e->same_as || e->in_parent)
		*array_push(next->v, next->nr, next->cap) =
		    (struct page_same){ from, to - from, e->same_as };
	else
		*array_push(list->runs, list->nr, list->cap) =
		    (struct page_run){ from, to - from, e->off + (from - e->addr),
				       file_of(list, level, l->pages_id) };
}

/* Both ascend. */
static int match(const struct resolving *v, const struct image_dir *dir, uint32_t level,
		 const struct level *l, const struct page_same *want, size_t nr,
		 struct wanted *next)
{
	size_t i = 0;

	for (size_t w = 0; w < nr; w++) {
		uint64_t at = want[w].addr, end = at + want[w].len, to;

		for (; at < end; at = to) {
			while (i < l->nr && l->v[i].addr + l->v[i].len <= at)
				i++;
			if (i == l->nr || l->v[i].addr > at)
				return fail_plain("page %#llx should be in %s, and is not",
						  (unsigned long long)at, image_dir_path(dir));
			to = l->v[i].addr + l->v[i].len;
			to = to < end ? to : end;
			take(v, level, l, &l->v[i], at, to, next);
		}
	}
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct page_same *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->addr > y->addr) - (x->addr < y->addr);
}

/* All of it, where want is NULL. 0: there is no such image. */
static int resolve(const struct resolving *v, uint64_t id, uint32_t level,
		   const struct page_same *want, size_t nr, unsigned int hops)
{
	const struct image_dir *dir = NULL;
	struct wanted next = { .nr = 0 };
	struct level l = { .nr = 0 };
	char name[IMAGE_NAME_MAX];
	int err = image_chain_dir(v->chain, level, &dir);

	if (err >= 0 && hops == HOPS_MAX)
		err = fail_plain("%s: pages refer to each other in circles", image_dir_path(dir));
	if (err >= 0)
		err = level_load(dir, v->kind, id, &l);
	if (err == 0 && want)
		err = fail(ENOENT, "%s/%s, which has pages of a later dump", image_dir_path(dir),
			   image_file_name(v->kind, id, name));
	if (err > 0 && want && match(v, dir, level, &l, want, nr, &next) < 0)
		err = -EINVAL;
	for (size_t i = 0; i < l.nr && err > 0 && !want; i++)
		take(v, level, &l, &l.v[i], l.v[i].addr, l.v[i].addr + l.v[i].len, &next);
	free(l.v);
	if (next.nr)
		qsort(next.v, next.nr, sizeof(*next.v), by_pid);
	for (size_t i = 0, end; i < next.nr && err > 0; i = end) {
		uint32_t pid = next.v[i].pid;

		for (end = i; end < next.nr && next.v[end].pid == pid;)
			end++;
		err = resolve(v, pid ? pid : id, pid ? level : level + 1, next.v + i, end - i,
			      hops + 1);
	}
	free(next.v);
	return err;
}

static int by_addr(const void *a, const void *b)
{
	const struct page_run *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

int page_list_load(struct image_chain *c, enum image_kind kind, uint64_t id, struct page_list *ret)
{
	struct resolving v = { c, kind, ret };
	int err = resolve(&v, id, 0, NULL, 0, 0);

	if (ret->runs && ret->nr_files > 1)
		qsort(ret->runs, ret->nr, sizeof(*ret->runs), by_addr);
	if (err <= 0)
		page_list_done(ret);
	return err;
}

void page_list_done(struct page_list *l)
{
	free(l->runs);
	free(l->same);
	free(l->files);
	*l = (struct page_list){ .nr = 0 };
}

int page_file_open(struct image_chain *c, const struct page_file *f)
{
	const struct image_dir *dir = NULL;
	int fd = -1, err = image_chain_dir(c, f->level, &dir);

	if (err >= 0)
		err = image_open_raw(dir, IMAGE_PAGES, f->pages_id, &fd);
	if (err == 0)
		return fail_plain("%s/pages-%u.img is missing", image_dir_path(dir), f->pages_id);
	return err < 0 ? err : fd;
}

int page_file_name(struct image_chain *c, const struct page_file *f, char name[IMAGE_NAME_MAX])
{
	const struct image_dir *dir = NULL;
	int err = image_chain_dir(c, f->level, &dir);

	if (err < 0)
		return err;
	image_file_name(IMAGE_PAGES, f->pages_id, name);
	return image_dir_fd(dir);
}

const struct page_run *page_run_find(const struct task_restore *tr, uint64_t addr)
{
	size_t lo = 0, hi = tr->nr_pages;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (tr->pages[mid].addr + tr->pages[mid].len <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < tr->nr_pages && tr->pages[lo].addr <= addr ? &tr->pages[lo] : NULL;
}
