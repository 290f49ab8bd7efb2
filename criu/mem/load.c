// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mem/load.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/image/reader.h"
#include "criu/mem/ldt.h"
#include "criu/mem/pagemap.h"
#include "criu/mem/sysv.h"
#include "criu/mem/vma.h"

#define SHMEM_MAX (1ull << 46)

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
	if (s->size && (s->huge != vma_huge_bytes(v) ||
			s->is_private != (v->status & VMA_ANON_PRIVATE ? true : false)))
		return fail_plain("shared memory %llu is of two kinds",
				  (unsigned long long)v->shmid);
	s->shmid = v->shmid;
	s->huge = vma_huge_bytes(v);
	s->is_private = v->status & VMA_ANON_PRIVATE;
	s->huge_flags = v->flags & (MAP_HUGETLB | (uint32_t)MAP_HUGE_MASK << MAP_HUGE_SHIFT);
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

static int mm_load(void *ctx, size_t i, unsigned int worker)
{
	struct restore *r = ctx;
	struct task *t = r->tree.tasks[i];
	struct task_restore *tr = t->restore;
	struct page_list l = { 0 };
	ProtobufCMessage *m = NULL;
	int err;

	if (!task_is_alive(t))
		return 0;
	err = image_get_from(r->s->images, IMAGE_MM, (uint64_t)t->pid, &r->messages[worker], &m);
	if (err < 0)
		return task_fail_at(err, t);
	tr->mm = (MmEntry *)m;
	err = ldt_load_check(tr->mm);
	if (err >= 0)
		err = vma_load_check(tr->mm, &tr->nr_guards);
	if (err < 0)
		return task_fail_at(fail_at(err, "mm-%d.img", (int)t->pid), t);
	err = page_list_load(r->chain, IMAGE_PAGEMAP, (uint64_t)t->pid, &l);
	tr->pages = l.runs;
	tr->nr_pages = l.nr;
	tr->same = l.same;
	tr->nr_same = l.nr_same;
	tr->sources = l.files;
	tr->nr_sources = l.nr_files;
	tr->cap_sources = l.cap_files;
	if (err == 0)
		err = fail(ENOENT, "%s/pagemap-%d.img", image_dir_path(r->s->images), (int)t->pid);
	if (err >= 0)
		err = pages_check(tr);
	return task_fail_at(err, t);
}

static bool is_segment(const VmaEntry *v)
{
	return v->status & VMA_ANON_SHARED ? !(v->status & VMA_SYSVIPC) : vma_is_huge_private(v);
}

static int segments_find(struct restore *r, const struct task *t, size_t *cap)
{
	const MmEntry *mm = t->restore->mm;
	int err = 0;

	for (size_t i = 0; i < mm->n_vmas && err >= 0; i++)
		if (is_segment(mm->vmas[i]))
			err = segment_add(r, mm->vmas[i], cap);
	return err;
}

static int same_vm(struct map *by_vm, struct task *t)
{
	const struct task *other = map_get(by_vm, t->ids.vm);

	if (other)
		return fail_plain("shares its memory with pid %d, which cannot be restored yet",
				  (int)other->pid);
	map_put(by_vm, t->ids.vm, t);
	return 0;
}

int mem_load(struct restore *r)
{
	int err = parallel_for(r->tree.nr, mm_load, r);
	struct map by_vm = { 0 };
	size_t cap = 0;
	struct task *t;

	if (err < 0)
		return err;
	tasks_for_each(t, &r->tree) {
		if (!task_is_alive(t))
			continue;
		err = same_vm(&by_vm, t);
		if (err >= 0)
			err = segments_find(r, t, &cap);
		if (err < 0)
			break;
	}
	map_done(&by_vm);
	return err < 0 ? task_fail_at(err, t) : sysv_load(r);
}
