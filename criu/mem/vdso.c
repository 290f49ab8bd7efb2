// SPDX-License-Identifier: GPL-2.0-only
/*
 * [vvar], [vvar_vclock] and [vdso] cannot be made, only moved: mremap(2) of a special
 * mapping tells the kernel where it is now. They lie side by side, data before code.
 */
#include "criu/mem/vdso.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/image/reader.h"
#include "criu/kernel/proc.h"
#include "criu/mem/pagemap.h"
#include "criu/mem/vdso_elf.h"
#include "criu/mem/vma.h"

int vdso_of(pid_t pid, struct vdso *ret)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_proc_vmas struct proc_vmas own = { 0 };
	cleanup_close int proc = proc_open(pid);
	int err = proc < 0 ? proc : proc_maps_read(proc, &b, &own);
	struct vdso v = { .nr = 0 };

	if (err < 0)
		return fail(-err, "read /proc/%d/maps", (int)pid);
	for (size_t i = 0; i < own.nr && v.nr < VDSO_PARTS_MAX; i++) {
		const struct proc_vma *p = &own.v[i];

		if (p->special != PROC_VMA_VDSO && p->special != PROC_VMA_VVAR &&
		    p->special != PROC_VMA_VVAR_VCLOCK)
			continue;
		v.part[v.nr].start = p->start;
		v.part[v.nr].end = p->end;
		v.part[v.nr++].code = p->special == PROC_VMA_VDSO;
	}
	*ret = v;
	return 0;
}

static uint64_t code_start(const struct vdso *v)
{
	for (size_t i = 0; i < v->nr; i++)
		if (v->part[i].code)
			return v->part[i].start;
	return 0;
}

/* Two mappings that are side by side, and their place. */
static bool kernel_moves_several(void)
{
	char *at = mmap(NULL, 4 * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *to = at + 2 * PAGE_BYTES;
	bool moved;

	if (at == MAP_FAILED)
		return false;
	moved = mprotect(at, PAGE_BYTES, PROT_READ) == 0 &&
		mremap(at, 2 * PAGE_BYTES, 2 * PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to;
	munmap(at, 4 * PAGE_BYTES);
	return moved;
}

int vdso_find(struct vdso *ret)
{
	int err = vdso_of(getpid(), ret);

	if (err < 0)
		return err;
	ret->code = (const uint8_t *)(uintptr_t)code_start(ret);
	ret->moves_whole = kernel_moves_several();
	return 0;
}

static uint64_t part_bytes(const struct vdso *v, bool code)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v->nr; i++)
		if (v->part[i].code == code)
			n += v->part[i].end - v->part[i].start;
	return n;
}

static const VmaEntry *image_part(const MmEntry *mm, uint32_t status)
{
	for (size_t i = 0; i < mm->n_vmas; i++)
		if (mm->vmas[i]->status & status)
			return mm->vmas[i];
	return NULL;
}

/* Other bytes, but the same functions in the same places: calls of them go on as they are.
 * Only who was stopped in the middle of one cannot. */
static int entries_check(const struct task *t, const VmaEntry *code, const uint8_t *was,
			 const uint8_t *now)
{
	const char *name;

	if (!vdso_same_entries(was, now, code->end - code->start, &name))
		return fail_hint(
		    fail_plain("the vdso of the kernel that it ran on is another one (%s)",
			       name ? name : "no ELF file"),
		    "restore on the kernel of the dump");
	for (size_t i = 0; i < t->nr_threads; i++) {
		const ThreadInfoX86 *ti = t->restore->cores[i]->thread_info;
		uint64_t ip = ti ? ti->gpregs->ip : 0; /* a main thread that has ended */

		if (ip >= code->start && ip < code->end)
			return fail_hint(
			    fail_plain("thread %d was stopped inside the vdso of another "
				       "kernel",
				       (int)t->threads[i].tid),
			    "restore on the kernel of the dump");
	}
	return 0;
}

static int contents_check(struct restore *r, const struct vdso *own, const struct task *t,
			  const VmaEntry *code)
{
	uint64_t len = code->end - code->start;
	const struct page_run *run = page_run_find(t->restore, code->start);
	cleanup_free uint8_t *was = NULL;
	cleanup_close int fd = -1;
	int err;

	if (!run || run->addr + run->len < code->end || !own->code)
		return 0; /* not stored: nothing to compare */
	fd = page_file_open(r->chain, &t->restore->sources[run->source]);
	if (fd < 0)
		return fd;
	was = mem_alloc(len);
	err = io_pread(fd, was, len, (off_t)(run->off + (code->start - run->addr)));
	if (err < 0)
		return fail(-err, "read the vdso from its image");
	return memcmp(was, own->code, len) ? entries_check(t, code, was, own->code) : 0;
}

int vdso_check(struct restore *r, const struct vdso *own, const struct task *t)
{
	const VmaEntry *code = image_part(t->restore->mm, VMA_VDSO);
	const VmaEntry *data = image_part(t->restore->mm, VMA_VVAR);

	if (!code)
		return 0;
	if (code->end - code->start != part_bytes(own, true) ||
	    (data &&
	     (data->end - data->start != part_bytes(own, false) || data->end != code->start)))
		return fail_hint(
		    fail_plain("the vdso of the kernel that it ran on has another size"),
		    "restore on the kernel of the dump");
	return contents_check(r, own, t, code);
}

uint64_t vdso_room(const struct vdso *own)
{
	return part_bytes(own, true) + part_bytes(own, false);
}

static void move(struct program *p, uint64_t from, uint64_t len, uint64_t to)
{
	struct op *op = PROGRAM_SYSCALL(p, OP_WHAT_VDSO, SYS_mremap, from, len, len,
					MREMAP_MAYMOVE | MREMAP_FIXED, to);

	op->flags |= OP_EXPECT;
	op->expect = (int64_t)to;
}

/* Both parts of it, and the other way round it would be a mapping for each of ours. */
bool vdso_goes_to(const struct vdso *own, const MmEntry *mm, struct share_span *ret)
{
	const VmaEntry *code = image_part(mm, VMA_VDSO), *data = image_part(mm, VMA_VVAR);
	uint64_t start, end;

	if (!code || !data || !own->nr || !own->part[own->nr - 1].code)
		return false;
	for (size_t i = 1; i < own->nr; i++)
		if (own->part[i].start != own->part[i - 1].end || own->part[i - 1].code)
			return false;
	start = own->part[0].start;
	end = own->part[own->nr - 1].end;
	if (code->end - data->start != end - start || (data->start < end && code->end > start))
		return false;
	*ret = (struct share_span){ data->start, end - start };
	return true;
}

void vdso_go(struct program *p, const struct vdso *own, uint64_t to)
{
	uint64_t start = own->part[0].start;

	if (own->moves_whole) {
		move(p, start, own->part[own->nr - 1].end - start, to);
		return;
	}
	for (size_t i = 0; i < own->nr; i++)
		move(p, own->part[i].start, own->part[i].end - own->part[i].start,
		     to + (own->part[i].start - start));
}

void vdso_park(struct program *p, const struct vdso *own, uint64_t parking)
{
	for (size_t i = 0; i < own->nr; i++) {
		uint64_t len = own->part[i].end - own->part[i].start;

		move(p, own->part[i].start, len, parking);
		parking += len;
	}
}

void vdso_unpark(struct program *p, const struct vdso *own, uint64_t parking, const MmEntry *mm)
{
	const VmaEntry *code = image_part(mm, VMA_VDSO), *data = image_part(mm, VMA_VVAR);
	uint64_t code_to = code ? code->start : 0, data_to = data ? data->start : 0;

	/* What the task has unmapped goes away with the hole. */
	for (size_t i = 0; i < own->nr; i++) {
		uint64_t len = own->part[i].end - own->part[i].start;
		uint64_t *to = own->part[i].code ? &code_to : &data_to;

		if (*to) {
			move(p, parking, len, *to);
			*to += len;
		}
		parking += len;
	}
}
