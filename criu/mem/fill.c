// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs of pages mostly lie back to back in the images: in that of an earlier dump with gaps, where
 * a later one has newer pages. What is small is read into place by a few large calls, or by several
 * threads where it is much. What is as large as a huge page is left for the end, when they read it.
 * Where the mapping may have huge pages, each is filled aside, and moved into place (UFFDIO_MOVE):
 * the kernel enters one page instead of 512, which takes a third of the time, and the mapping is
 * not changed. It has as many bytes of memory as it would have had.
 *
 * The room for the program is found by the same walk, without a program.
 */
#include "criu/mem/fill.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/uapi.h"
#include "criu/mem/vma.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#define FEATURE_MOVE (1ull << 16) /* since Linux 6.8 */

#define IOV_PIECE  (16ull << 20) /* so that progress can be told */
#define READ_BYTES (512ull << 10) /* of what is small, that a thread of several takes at a time */
#define THP_SWITCH "/sys/kernel/mm/transparent_hugepage/enabled"

static bool kernel_moves(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = FEATURE_MOVE };
	cleanup_close int fd =
	    (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	return fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0;
}

bool fill_can_use_huge(void)
{
	cleanup_close int fd = open(THP_SWITCH, O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return !strstr(text, "[never]") && kernel_moves();
}

bool fill_takes_huge(const MmEntry *mm, const VmaEntry *v)
{
	return v->status & VMA_ANON_PRIVATE &&
	       !(v->status & (VMA_VDSO | VMA_VVAR | VMA_VSYSCALL)) &&
	       !(v->flags & (MAP_GROWSDOWN | MAP_DROPPABLE | MAP_HUGETLB)) &&
	       !(mm->has_thp_disabled && mm->thp_disabled) && !v->userfault &&
	       !(v->has_madv && v->madv & 1ull << MADV_NOHUGEPAGE) && !v->has_mempolicy;
}

struct filling {
	struct program *p; /* NULL: only count */
	const struct task_restore *tr;
	const uint8_t *prot;
	const int *fds; /* by source */
	uint32_t source; /* of what is not in an operation yet */
	bool by_huge, by_several;
	struct op *reads; /* of by_several: nr_ops of them */
	struct op_iov *iov;
	size_t nr_iov, first; /* so many, from first on not in an operation yet */
	struct read_range *ranges;
	struct op_iov *spans;
	size_t nr_ranges, nr_spans, last_span; /* last_span: the mapping, and 1 */
	size_t nr_ops;
	uint64_t off, total; /* in the image; bytes from first on */
	uint64_t large; /* bytes of all ranges */
};

static void flush(struct filling *f)
{
	struct op *op;

	if (f->total) {
		if (f->p) {
			op = f->by_several ? &f->reads[f->nr_ops]
					   : program_op(f->p, OP_READ, OP_WHAT_READ);
			op->arg[0] = (uint64_t)f->fds[f->source];
			op->arg[1] = f->off;
			op->arg[2] = (uint64_t)(uintptr_t)(f->iov + f->first);
			op->arg[3] = f->nr_iov - f->first;
			op->arg[4] = f->total;
		}
		f->nr_ops++;
	}
	f->off += f->total;
	f->total = 0;
	f->first = f->nr_iov;
}

static void add_small(struct filling *f, uint64_t addr, uint64_t end)
{
	for (; addr < end; f->nr_iov++) {
		uint64_t len = end - addr < IOV_PIECE ? end - addr : IOV_PIECE;

		if (f->p)
			f->iov[f->nr_iov] = (struct op_iov){ addr, len };
		addr += len;
		f->total += len;
	}
	if (f->by_several && f->total >= READ_BYTES)
		flush(f);
}

static void add_span(struct filling *f, size_t vma)
{
	const VmaEntry *v = f->tr->mm->vmas[vma];

	if (f->last_span == vma + 1)
		return;
	f->last_span = vma + 1;
	if (f->p)
		f->spans[f->nr_spans] = (struct op_iov){ v->start, v->end - v->start };
	f->nr_spans++;
}

static void add_large(struct filling *f, size_t vma, uint64_t addr, uint64_t end, bool by_huge)
{
	flush(f);
	if (f->p)
		f->ranges[f->nr_ranges] = (struct read_range){
			.addr = addr,
			.len = end - addr,
			.off = f->off,
			.fd = (uint32_t)f->fds[f->source],
			.rights = f->prot[vma] & (PROT_READ | PROT_WRITE | PROT_EXEC),
			.by_huge = by_huge,
		};
	f->nr_ranges++;
	f->large += end - addr;
	f->off += end - addr;
	if (by_huge)
		add_span(f, vma);
}

static void add_part(struct filling *f, size_t vma, uint64_t addr, uint64_t end)
{
	bool by_huge = f->by_huge && fill_takes_huge(f->tr->mm, f->tr->mm->vmas[vma]);
	uint64_t from = by_huge ? (addr + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1) : addr, to;

	if (from + HUGE_BYTES > end) {
		add_small(f, addr, end);
		return;
	}
	to = end - (end - from) % HUGE_BYTES;
	add_small(f, addr, from);
	add_large(f, vma, from, to, by_huge);
	add_small(f, to, end);
}

/* What is read in one operation lies back to back. */
static void go_to(struct filling *f, const struct page_run *run)
{
	if (f->source == run->source && f->off + f->total == run->off)
		return;
	flush(f);
	f->source = run->source;
	f->off = run->off;
}

/* Runs and mappings both ascend, and every run lies in mappings: pages_check(). What is stored
 * of the vdso is there to be compared only. */
static void walk_source(struct filling *f, uint32_t source)
{
	const MmEntry *mm = f->tr->mm;
	size_t v = 0;

	for (size_t i = 0; i < f->tr->nr_pages; i++) {
		const struct page_run *run = &f->tr->pages[i];
		uint64_t at = run->addr, end = at + run->len, to;

		if (run->source != source)
			continue;
		go_to(f, run);
		for (; at < end; at = to) {
			while (v + 1 < mm->n_vmas && mm->vmas[v]->end <= at)
				v++;
			to = mm->vmas[v]->end < end ? mm->vmas[v]->end : end;
			if (mm->vmas[v]->status & VMA_VDSO) {
				flush(f);
				f->off += to - at;
			} else {
				add_part(f, v, at, to);
			}
		}
	}
	flush(f);
}

/* An image at a time: what stands together in it is read by one call. */
static void walk(struct filling *f)
{
	for (uint32_t i = 0; i < f->tr->nr_sources; i++)
		walk_source(f, i);
}

bool fill_has_huge(const struct task_restore *tr)
{
	struct filling f = { .tr = tr, .by_huge = true };

	walk(&f);
	return f.nr_spans;
}

static struct filling counted(const struct task_restore *tr, bool by_huge)
{
	struct filling f = { .tr = tr, .by_huge = by_huge, .by_several = tr->readers > 1 };

	walk(&f);
	return f;
}

size_t fill_room(const struct restore *r, const struct task_restore *tr)
{
	struct filling f = counted(tr, r->staging_len);

	return (f.nr_iov + f.nr_spans) * sizeof(struct op_iov) +
	       f.nr_ranges * sizeof(struct read_range) + (f.nr_ops + 1) * sizeof(struct op) +
	       sizeof(struct large_read) + tr->readers * READER_STACK + sizeof(r->spare_pids) + 128;
}

/* The task itself is the first reader. */
static void read_by_several(const struct filling *f, const struct restore *r)
{
	struct large_read *l = program_data(f->p, sizeof(*l));
	size_t helpers = f->tr->readers > 1 ? f->tr->readers - 1 : 0;

	*l = (struct large_read){
		.ranges = (uint64_t)(uintptr_t)f->ranges,
		.total = f->large,
		.spans = (uint64_t)(uintptr_t)f->spans,
		.nr_spans = f->nr_spans,
		.reads = (uint64_t)(uintptr_t)f->reads,
		.nr_reads = f->by_several ? f->nr_ops : 0,
		.staging = r->staging,
		.nr_readers = 1 + helpers,
		.numbers = program_copy(f->p, r->spare_pids, sizeof(r->spare_pids)),
		.nr_numbers = ARRAY_SIZE(r->spare_pids),
	};
	l->stacks = (uint64_t)(uintptr_t)program_data(f->p, helpers * READER_STACK);
	program_op(f->p, OP_READ_LARGE, OP_WHAT_READ)->arg[0] = (uint64_t)(uintptr_t)l;
}

void fill_program(struct program *p, const struct restore *r, const struct task_restore *tr,
		  const uint8_t *prot, const int *fds)
{
	struct filling count = counted(tr, r->staging);
	struct filling f = {
		p, tr, prot, fds, .by_huge = r->staging, .by_several = count.by_several,
	};

	if (f.by_several)
		f.reads = program_data(p, count.nr_ops * sizeof(*f.reads));
	f.iov = program_data(p, count.nr_iov * sizeof(*f.iov));
	f.ranges = program_data(p, count.nr_ranges * sizeof(*f.ranges));
	f.spans = program_data(p, count.nr_spans * sizeof(*f.spans));
	walk(&f);
	if (f.nr_ranges || f.by_several)
		read_by_several(&f, r);
}
