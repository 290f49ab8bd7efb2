// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mem/load.h"

#include <errno.h>
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
	*ret = (struct page_run){ e->vaddr, nr * PAGE_BYTES };
	return 0;
}

/* The runs of a pagemap image, ascending. 0 when there is none. */
int pagemap_load(struct restore *r, enum image_kind kind, uint64_t id, struct page_run **ret,
		 size_t *ret_nr, uint32_t *ret_pages_id)
{
	struct page_run *runs = NULL;
	size_t nr = 0, cap = 0;
	struct image_reader *img;
	ProtobufCMessage *m;
	uint64_t last = 0;
	int err = image_reader_open(r->s->images, kind, id, &img);

	if (err <= 0)
		return err;
	err = image_read(img, &m);
	if (err > 0) {
		*ret_pages_id = ((const PagemapHead *)m)->pages_id;
		protobuf_c_message_free_unpacked(m, NULL);
	}
	while (err > 0 && (err = image_read(img, &m)) > 0) {
		struct page_run *run = array_push(runs, nr, cap);

		err = entry_pages((const PagemapEntry *)m, run);
		if (err >= 0 && run->addr < last)
			err = fail_plain("pages at %#llx are out of order",
					 (unsigned long long)run->addr);
		last = run->addr + run->len;
		protobuf_c_message_free_unpacked(m, NULL);
		if (err < 0) {
			fail_at(err, "%s", image_reader_where(img));
			break;
		}
		err = 1;
	}
	image_reader_free(img);
	*ret = runs;
	*ret_nr = nr;
	return err < 0 ? err : 1;
}

/* Every run lies in mappings that have pages of their own. */
static int pages_check(const struct task_restore *tr)
{
	size_t v = 0;

	for (size_t i = 0; i < tr->nr_pages; i++) {
		uint64_t at = tr->pages[i].addr, end = at + tr->pages[i].len;

		while (at < end) {
			while (v < tr->mm->n_vmas && tr->mm->vmas[v]->end <= at)
				v++;
			if (v == tr->mm->n_vmas || tr->mm->vmas[v]->start > at ||
			    !vma_has_private_pages(tr->mm->vmas[v]))
				return fail_plain("pagemap: page %#llx is in no private mapping",
						  (unsigned long long)at);
			at = tr->mm->vmas[v]->end;
		}
	}
	return 0;
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
		err = vma_load_check(tr->mm);
	if (err < 0)
		return task_fail_at(fail_at(err, "mm-%d.img", (int)t->pid), t);
	err = pagemap_load(r, IMAGE_PAGEMAP, (uint64_t)t->pid, &tr->pages, &tr->nr_pages,
			   &tr->pages_id);
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
		if (mm->vmas[i]->status & VMA_ANON_SHARED)
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
	return 0;
}
