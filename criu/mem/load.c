// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mem/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/image/reader.h"
#include "criu/mem/ldt.h"
#include "criu/mem/pages.h"
#include "criu/mem/sysv.h"
#include "criu/mem/vma.h"

#define SHMEM_MAX (1ull << 46)

static int entry_pages(const PagemapEntry *e, struct page_run *ret)
{
	uint64_t nr = e->has_nr_pages ? e->nr_pages : e->compat_nr_pages;
	uint32_t flags = e->has_flags ? e->flags : PAGE_PRESENT;

	if (flags & PAGE_IN_PARENT || (e->has_in_parent && e->in_parent))
		return fail_plain("page %#llx is in the images of an earlier dump, which cannot be "
				  "read yet",
				  (unsigned long long)e->vaddr);
	if (e->vaddr & PAGE_REST || nr == 0 || nr > TASK_END / PAGE_BYTES ||
	    e->vaddr > TASK_END - nr * PAGE_BYTES)
		return fail_plain("%llu pages at %#llx", (unsigned long long)nr,
				  (unsigned long long)e->vaddr);
	*ret = (struct page_run){ .addr = e->vaddr, .len = nr * PAGE_BYTES };
	return 0;
}

struct run_list {
	struct page_run *runs;
	struct page_same *same;
	size_t nr, cap, nr_same, cap_same;
	uint64_t last, off;
};

static int entry_load(struct run_list *l, const PagemapEntry *e)
{
	struct page_run run = { 0 };
	int err = entry_pages(e, &run);

	if (err < 0)
		return err;
	if (run.addr < l->last)
		return fail_plain("pages at %#llx are out of order", (unsigned long long)run.addr);
	l->last = run.addr + run.len;
	if (e->has_same_as && e->same_as) {
		*array_push(l->same, l->nr_same, l->cap_same) =
		    (struct page_same){ run.addr, run.len, e->same_as };
		return 0;
	}
	run.off = l->off;
	l->off += run.len;
	*array_push(l->runs, l->nr, l->cap) = run;
	return 0;
}

static int image_load(struct restore *r, enum image_kind kind, uint64_t id, struct run_list *l,
		      uint32_t *ret_pages_id)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	int err = image_reader_open(r->s->images, kind, id, &img);

	if (err <= 0)
		return err;
	err = image_read(img, &m);
	if (err > 0) {
		*ret_pages_id = ((const PagemapHead *)m)->pages_id;
		protobuf_c_message_free_unpacked(m, NULL);
	}
	while (err > 0 && (err = image_read(img, &m)) > 0) {
		err = entry_load(l, (const PagemapEntry *)m);
		protobuf_c_message_free_unpacked(m, NULL);
		if (err < 0) {
			fail_at(err, "%s", image_reader_where(img));
			break;
		}
		err = 1;
	}
	image_reader_free(img);
	return err < 0 ? err : 1;
}

int pagemap_load(struct restore *r, enum image_kind kind, uint64_t id, struct page_run **ret,
		 size_t *ret_nr, uint32_t *ret_pages_id)
{
	struct run_list l = { 0 };
	int err = image_load(r, kind, id, &l, ret_pages_id);

	if (err > 0 && l.nr_same)
		err = fail_plain("pages of a process in the pagemap of shared memory %llu",
				 (unsigned long long)id);
	free(l.same);
	*ret = l.runs;
	*ret_nr = l.nr;
	return err;
}

/* From *v on, the mappings that at to end lies in have pages of their own. */
static int range_check(const MmEntry *mm, uint64_t at, uint64_t end, size_t *v)
{
	while (at < end) {
		while (*v < mm->n_vmas && mm->vmas[*v]->end <= at)
			++*v;
		if (*v == mm->n_vmas || mm->vmas[*v]->start > at ||
		    !vma_has_private_pages(mm->vmas[*v]))
			return fail_plain("pagemap: page %#llx is in no private mapping",
					  (unsigned long long)at);
		at = mm->vmas[*v]->end;
	}
	return 0;
}

static int pages_check(const struct task_restore *tr)
{
	size_t v = 0, w = 0;
	int err = 0;

	for (size_t i = 0; i < tr->nr_pages && err >= 0; i++)
		err = range_check(tr->mm, tr->pages[i].addr, tr->pages[i].addr + tr->pages[i].len,
				  &v);
	for (size_t i = 0; i < tr->nr_same && err >= 0; i++)
		err = range_check(tr->mm, tr->same[i].addr, tr->same[i].addr + tr->same[i].len, &w);
	return err;
}

static int segment_add(struct restore *r, const VmaEntry *v, size_t *cap)
{
	uint64_t size = v->pgoff + (v->end - v->start);
	struct shmem_segment *s = NULL;

	if (v->has_shmem_size && v->shmem_size > size)
		size = v->shmem_size;

	if (size > SHMEM_MAX || v->pgoff > SHMEM_MAX)
		return fail_plain("shared memory of %llu bytes", (unsigned long long)size);
	for (size_t i = 0; i < r->nr_segments && !s; i++)
		if (r->segments[i].shmid == v->shmid)
			s = &r->segments[i];
	if (!s)
		s = array_push(r->segments, r->nr_segments, *cap);
	s->shmid = v->shmid;
	if (size > s->size)
		s->size = size;
	s->reserve |= !(v->flags & MAP_NORESERVE);
	return 0;
}

const struct shmem_segment *shmem_find(const struct restore *r, uint64_t shmid)
{
	for (size_t i = 0; i < r->nr_segments; i++)
		if (r->segments[i].shmid == shmid)
			return &r->segments[i];
	return NULL;
}

/* All pages that the list speaks of are in the file. */
static int pages_image_check(struct restore *r, const struct page_run *runs, size_t nr,
			     uint32_t pages_id)
{
	cleanup_close int fd = -1;
	uint64_t need = 0;
	struct stat st;
	int err;

	for (size_t i = 0; i < nr; i++)
		need += runs[i].len;
	if (!need)
		return 0;
	err = image_open_raw(r->s->images, IMAGE_PAGES, pages_id, &fd);
	if (err <= 0)
		return err < 0 ? err : fail_plain("pages-%u.img is missing", pages_id);
	if (fstat(fd, &st) < 0)
		return fail(errno, "stat pages-%u.img", pages_id);
	if ((uint64_t)st.st_size < need)
		return fail_plain("pages-%u.img is cut off: %lld bytes of %llu", pages_id,
				  (long long)st.st_size, (unsigned long long)need);
	return 0;
}

static int mm_load(void *ctx, size_t i, unsigned int worker)
{
	struct restore *r = ctx;
	struct task *t = r->tree.tasks[i];
	struct task_restore *tr = t->restore;
	struct run_list l = { 0 };
	ProtobufCMessage *m = NULL;
	int err;

	(void)worker;
	if (!task_is_alive(t))
		return 0;
	err = image_get_from(r->s->images, IMAGE_MM, (uint64_t)t->pid, &r->messages, &m);
	if (err < 0)
		return task_fail_at(err, t);
	tr->mm = (MmEntry *)m;
	err = ldt_load_check(tr->mm);
	if (err >= 0)
		err = vma_load_check(tr->mm, &tr->nr_guards);
	if (err < 0)
		return task_fail_at(fail_at(err, "mm-%d.img", (int)t->pid), t);
	err = image_load(r, IMAGE_PAGEMAP, (uint64_t)t->pid, &l, &tr->pages_id);
	tr->pages = l.runs;
	tr->nr_pages = l.nr;
	tr->same = l.same;
	tr->nr_same = l.nr_same;
	*array_push(tr->sources, tr->nr_sources, tr->cap_sources) = tr->pages_id;
	if (err == 0)
		err = fail(ENOENT, "%s/pagemap-%d.img", image_dir_path(r->s->images), (int)t->pid);
	if (err >= 0)
		err = pages_check(tr);
	if (err >= 0)
		err = pages_image_check(r, tr->pages, tr->nr_pages, tr->pages_id);
	return task_fail_at(err, t);
}

static int segments_find(struct restore *r, const struct task *t, size_t *cap)
{
	const MmEntry *mm = t->restore->mm;
	int err = 0;

	for (size_t i = 0; i < mm->n_vmas && err >= 0; i++)
		if (mm->vmas[i]->status & VMA_ANON_SHARED && !(mm->vmas[i]->status & VMA_SYSVIPC))
			err = segment_add(r, mm->vmas[i], cap);
	return err;
}

static const struct task *same_vm(const struct restore *r, const struct task *t, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (task_is_alive(r->tree.tasks[i]) && r->tree.tasks[i]->ids.vm == t->ids.vm)
			return r->tree.tasks[i];
	return NULL;
}

int mem_load(struct restore *r)
{
	int err = parallel_for(r->tree.nr, mm_load, r);
	size_t cap = 0;
	struct task *t;

	if (err < 0)
		return err;
	tasks_for_each(t, &r->tree) {
		const struct task *other;

		if (!task_is_alive(t))
			continue;
		other = same_vm(r, t, i_t);
		if (other)
			return task_fail_at(
			    fail_plain("shares its memory with pid %d, which cannot be "
				       "restored yet",
				       (int)other->pid),
			    t);
		err = segments_find(r, t, &cap);
		if (err < 0)
			return task_fail_at(err, t);
	}
	return sysv_load(r);
}
