// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring can be mapped, but nobody can say where: the kernel refuses an address, be it a hint, one
 * that is fixed, or one that mremap(2) is to move it to (io_uring/memmap.c:
 * io_uring_get_unmapped_area()). But it takes the only room that there is. So all gaps of the
 * address space are filled with mappings that take no memory; then the place of one ring after the
 * other is made free, and mapped.
 *
 *	| gap  | mapping | gap | ring  ring | gap    | mapping | gap |
 *	| fill | mapping | fill  ....  fill   fill   | mapping | fill|
 */
#include "criu/mem/uring.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/mem/share.h"
#include "criu/mem/vma.h"

#define LOWEST      PAGE_BYTES /* the kernel looks for room from here on: vm_unmapped_area() */
#define OPS_OF_RING 3
#define OPS_OF_HOLE 3

bool uring_vma_is(const struct proc_vma *v)
{
	return v->shared && str_eq(v->path, "anon_inode:[io_uring]");
}

const char *uring_vma_blocked(const struct proc_vma *v)
{
	if (v->pgoff & ~(IORING_OFF_CQ_RING | IORING_OFF_SQES))
		return v->pgoff & ~IORING_OFF_MMAP_MASK
			   ? "a part of a ring of io_uring, the front of which is not mapped"
			   : "a ring of buffers of io_uring";
	return NULL;
}

static size_t nr_rings(const MmEntry *mm)
{
	size_t nr = 0;

	for (size_t i = 0; i < mm->n_vmas; i++)
		nr += mm->vmas[i]->uring;
	return nr;
}

size_t uring_vmas_ops(const MmEntry *mm)
{
	size_t nr = nr_rings(mm);

	return nr ? nr * OPS_OF_RING + 2 * (mm->n_vmas + 2) + OPS_OF_HOLE : 0;
}

static void fill_by(struct program *p, uint64_t start, uint64_t len, uint64_t how)
{
	struct op *op = PROGRAM_SYSCALL(p, OP_WHAT_MAP, SYS_mmap, start, len, PROT_NONE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | how, -1ul, 0);

	op->flags |= OP_EXPECT;
	op->expect = (int64_t)start;
}

static void fill(struct program *p, uint64_t start, uint64_t len)
{
	fill_by(p, start, len, MAP_FIXED_NOREPLACE);
}

/* What lay in the hole, and is in its place by now. All of the hole goes later. */
static void fill_hole(struct program *p, const struct restore *r, uint64_t parking)
{
	fill_by(p, parking, r->hole + r->hole_len - parking, MAP_FIXED);
	if (r->staging_len)
		fill_by(p, r->staging, r->staging_len, MAP_FIXED);
	if (r->share && r->share->len)
		fill_by(p, r->share->at, r->share->len, MAP_FIXED);
}

static void empty(struct program *p, uint64_t start, uint64_t len)
{
	PROGRAM_SYSCALL(p, OP_WHAT_UNMAP, SYS_munmap, start, len);
}

/* What lies between mappings, the hole being one more of them. */
static void each_gap(struct program *p, const struct restore *r, const MmEntry *mm,
		     void (*fn)(struct program *p, uint64_t start, uint64_t len))
{
	uint64_t at = LOWEST;
	bool past = false;

	for (size_t i = 0; i <= mm->n_vmas; i++) {
		uint64_t start = i < mm->n_vmas ? mm->vmas[i]->start : TASK_END;

		if (!past && r->hole < start) {
			if (r->hole > at)
				fn(p, at, r->hole - at);
			at = r->hole + r->hole_len;
			past = true;
		}
		if (start > TASK_END)
			start = TASK_END;
		if (start > at)
			fn(p, at, start - at);
		if (i == mm->n_vmas || mm->vmas[i]->start >= TASK_END)
			return;
		if (mm->vmas[i]->end > at)
			at = mm->vmas[i]->end;
	}
}

static void ring_map(struct program *p, const VmaEntry *v, int fd)
{
	uint64_t len = v->end - v->start;
	struct op *op;

	empty(p, v->start, len);
	op = PROGRAM_SYSCALL(p, OP_WHAT_URING, SYS_mmap, 0, len, v->prot,
			     MAP_SHARED | (v->flags & MAP_NORESERVE), (uint64_t)fd, v->pgoff);
	op->flags |= OP_EXPECT;
	op->expect = (int64_t)v->start;
}

void uring_vmas_map(struct program *p, const struct restore *r, const MmEntry *mm, uint64_t parking,
		    const struct mem_fds *fds)
{
	if (!nr_rings(mm))
		return;
	fill_hole(p, r, parking);
	each_gap(p, r, mm, fill);
	for (size_t i = 0; i < mm->n_vmas; i++)
		if (mm->vmas[i]->uring)
			fill(p, mm->vmas[i]->start, mm->vmas[i]->end - mm->vmas[i]->start);
	for (size_t i = 0; i < mm->n_vmas; i++)
		if (mm->vmas[i]->uring)
			ring_map(p, mm->vmas[i], fds->vma[i]);
	each_gap(p, r, mm, empty);
}
