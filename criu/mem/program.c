// SPDX-License-Identifier: GPL-2.0-only
/*
 * Order: the vdso goes to its place, or, where that cannot be, is parked inside the hole meanwhile;
 * everything outside of the hole goes but what is in its place already (share.h), mappings are made
 * writable where they have pages, all pages are read in a few large calls, and then protections and
 * the rest are set.
 *
 * Neighbours that are alike must not become one mapping: they were two. Two mappings
 * with pages of their own are not merged by the kernel; so until they have some, every
 * other one of a row is executable, and read at random.
 */
#include "criu/mem/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/image/reader.h"
#include "criu/kernel/uapi.h"
#include "criu/mem/aio.h"
#include "criu/mem/fill.h"
#include "criu/mem/ldt.h"
#include "criu/mem/load.h"
#include "criu/mem/mempolicy.h"
#include "criu/mem/pagemap.h"
#include "criu/mem/pkey.h"
#include "criu/mem/share.h"
#include "criu/mem/sysv.h"
#include "criu/mem/uring.h"
#include "criu/mem/vma.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#define OPS_PER_VMA  14
#define OPS_OF_MM    64
#define ADVICES      32
#define AUXV_MAX     64
#define VMA_NAME_MAX 80

/* A running program cannot be written to, so one that somebody has open for that cannot be made
 * a running one. A read lease tells. */
static int exe_check(int fd)
{
	char link[32], path[4096] = "";

	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		return 0;
	}
	if (errno != EAGAIN)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		return fail(errno, "readlink %s", link);
	return fail_hint(fail(ETXTBSY, "%s", path), "end whoever has it open for writing");
}

static int pages_open(struct restore *r, const struct task_restore *tr, struct mem_fds *fds)
{
	fds->pages = arena_array(&r->arena, int, tr->nr_sources + 1);
	for (size_t i = 0; i < tr->nr_sources; i++) {
		int fd = page_file_open(r->chain, &tr->sources[i]);

		fds->pages[i] = fd < 0 ? fd : service_fd(r, fd);
		if (fds->pages[i] < 0)
			return fds->pages[i];
	}
	return 0;
}

int mem_open(struct restore *r, struct task *t,
	     int (*open_file)(struct restore *r, uint32_t id, uint32_t flags), struct mem_fds *ret)
{
	const MmEntry *mm = t->restore->mm;
	struct mem_fds fds = { .exe = -1, .aio = -1 };
	int err;

	/* Of the task's first malloc(3) the kernel would copy a handful of pages. */
	fds.vma = arena_array(&r->arena, int, mm->n_vmas + 1);
	for (size_t i = 0; i < mm->n_vmas; i++) {
		const VmaEntry *v = mm->vmas[i], *last = i ? mm->vmas[i - 1] : NULL;

		fds.vma[i] = -1;
		if (!vma_is_file(v))
			continue;
		/* The segments of a library follow each other. */
		if (last && vma_is_file(last) && last->shmid == v->shmid &&
		    last->fdflags == v->fdflags)
			fds.vma[i] = fds.vma[i - 1];
		else
			fds.vma[i] = open_file(r, (uint32_t)v->shmid, v->fdflags);
		if (fds.vma[i] < 0)
			return fail_at(fds.vma[i], "mapping %llx-%llx",
				       (unsigned long long)v->start, (unsigned long long)v->end);
	}
	fds.exe = open_file(r, mm->exe_file_id, 0);
	if (fds.exe < 0)
		return fail_at(fds.exe, "executable");
	err = exe_check(fds.exe);
	if (err < 0)
		return fail_at(err, "executable");
	err = pages_open(r, t->restore, &fds);
	if (err < 0)
		return err;
	fds.aio = aio_open(r, mm);
	if (fds.aio < -1)
		return fds.aio;
	*ret = fds;
	return err;
}

static size_t nr_policies(const MmEntry *mm)
{
	size_t nr = 0;

	for (size_t i = 0; i < mm->n_vmas; i++)
		nr += mm->vmas[i]->has_mempolicy;
	return nr;
}

size_t mem_program_room(const struct restore *r, const struct task_restore *tr)
{
	size_t ops = tr->mm->n_vmas * OPS_PER_VMA + tr->nr_guards + OPS_OF_MM + PKEYS_OPS +
		     uring_vmas_ops(tr->mm);

	return ops * sizeof(struct op) + fill_room(r, tr) + tr->mm->n_mm_saved_auxv * 8 +
	       tr->mm->n_vmas * (VMA_NAME_MAX + 16) + nr_policies(tr->mm) * MEMPOLICY_ROOM +
	       ldt_room(tr->mm) + share_room(r, tr) + aio_room(tr->mm) + 4096;
}

/* --- leaving crtool's address space -------------------------------------------- */

extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

#define RSEQ_SIG_GLIBC  0x53053053
#define RSEQ_UNREGISTER 1
#define RSEQ_LEN        32

/* libc's area is about to be unmapped, and the kernel writes to it at each preemption. */
static void rseq_leave(struct program *p)
{
	uint64_t area;

	if (!&__rseq_size || !__rseq_size)
		return;
	area = (uint64_t)(uintptr_t)__builtin_thread_pointer() + (uint64_t)__rseq_offset;
	PROGRAM_SYSCALL(p, OP_WHAT_RSEQ, SYS_rseq, area, RSEQ_LEN, RSEQ_UNREGISTER, RSEQ_SIG_GLIBC);
}

static void unmap(struct program *p, uint64_t start, uint64_t end)
{
	if (start < end)
		PROGRAM_SYSCALL(p, OP_WHAT_UNMAP, SYS_munmap, start, end - start);
}

/* The next of each sort of what stays: what is shared, the hole, the vdso; of those that are left
 * the lowest is taken. */
enum { STAYS_SHARED, STAYS_HOLE, STAYS_VDSO, STAYS_NR };

static struct share_span *lowest(struct share_span *next)
{
	struct share_span *low = NULL;

	for (size_t i = 0; i < STAYS_NR; i++)
		if (next[i].len && (!low || next[i].addr < low->addr))
			low = &next[i];
	return low;
}

static void leave(struct program *p, const struct restore *r, const struct task_restore *tr,
		  struct share_span vdso)
{
	size_t move = 0;
	struct share_span next[STAYS_NR] = { [STAYS_SHARED] = share_left(r, tr, &move),
					     [STAYS_HOLE] = { r->hole, r->hole_len },
					     [STAYS_VDSO] = vdso };
	struct share_span *low;
	uint64_t at = 0;

	while ((low = lowest(next))) {
		unmap(p, at, low->addr);
		at = low->addr + low->len;
		*low = low == &next[STAYS_SHARED] ? share_left(r, tr, &move)
						  : (struct share_span){ 0, 0 };
	}
	unmap(p, at, TASK_END);
}

/* --- mappings ------------------------------------------------------------------- */

static bool has_pages(const struct task_restore *tr, const VmaEntry *v)
{
	size_t lo = 0, hi = tr->nr_pages;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (tr->pages[mid].addr + tr->pages[mid].len <= v->start)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < tr->nr_pages && tr->pages[lo].addr < v->end;
}

/* Made by others: the vdso is moved, vsyscall is everywhere. */
static bool is_given(const VmaEntry *v)
{
	return v->status & (VMA_VDSO | VMA_VVAR | VMA_VSYSCALL);
}

static uint64_t flags_of(const VmaEntry *v)
{
	/* Locked at the end: MAP_LOCKED would bring in pages that were not there. */
	return (v->flags & ~(uint32_t)MAP_LOCKED) | MAP_FIXED_NOREPLACE;
}

static void map_one(struct program *p, const VmaEntry *v, int fd, uint64_t prot)
{
	struct op *op = PROGRAM_SYSCALL(p, OP_WHAT_MAP, SYS_mmap, v->start, v->end - v->start, prot,
					flags_of(v), (uint64_t)(int64_t)fd, fd < 0 ? 0 : v->pgoff);

	op->flags |= OP_EXPECT;
	op->expect = (int64_t)v->start;
}

/* Its file has the size of its pages. */
static void map_huge(struct program *p, const VmaEntry *v, int fd, uint64_t prot)
{
	uint64_t flags = flags_of(v) & ~(uint64_t)MAP_ANONYMOUS;
	struct op *op = PROGRAM_SYSCALL(p, OP_WHAT_SHMEM, SYS_mmap, v->start, v->end - v->start,
					prot, flags, (uint64_t)fd, v->pgoff);

	op->flags |= OP_EXPECT;
	op->expect = (int64_t)v->start;
}

/* A shared mapping that is "moved" with an old size of 0 is mapped a second time. Returns the
 * rights that it has from there. */
static uint8_t map_shmem(struct program *p, const struct restore *r, const VmaEntry *v)
{
	bool sysv = v->status & VMA_SYSVIPC;
	uint64_t at = sysv ? sysv_at(r, v) : shmem_find(r, v->shmid)->at;
	struct op *op;

	if (vma_huge_bytes(v)) {
		map_huge(p, v, shmem_find(r, v->shmid)->fd, PROT_READ | PROT_WRITE);
		return PROT_READ | PROT_WRITE;
	}
	op = PROGRAM_SYSCALL(p, OP_WHAT_SHMEM, SYS_mremap, at + v->pgoff, 0, v->end - v->start,
			     MREMAP_MAYMOVE | MREMAP_FIXED, v->start);

	op->flags |= OP_EXPECT;
	op->expect = (int64_t)v->start;
	return sysv && sysv_is_readonly(v) ? PROT_READ : PROT_READ | PROT_WRITE;
}

/* Before there is a mapping: then all that can be merged will be, see advise(). */
static void merge_all(struct program *p, const MmEntry *mm, int own)
{
	if (mm->memory_merge || own == 1)
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_MEMORY_MERGE, mm->memory_merge,
				0, 0, 0);
}

static void advise(struct program *p, const MmEntry *mm, const VmaEntry *v)
{
	if (mm->memory_merge && !(v->has_madv && v->madv & 1ull << MADV_MERGEABLE))
		PROGRAM_SYSCALL(p, OP_WHAT_ADVISE, SYS_madvise, v->start, v->end - v->start,
				MADV_UNMERGEABLE);

	for (unsigned int n = 0; v->has_madv && n < ADVICES; n++)
		if (v->madv & (1ull << n))
			PROGRAM_SYSCALL(p, OP_WHAT_ADVISE, SYS_madvise, v->start, v->end - v->start,
					n);
}

/*
 * Of two alike neighbours the second is made with other rights, or it would join the first; and
 * until it has pages it is said to be read at random, or the kernel, which does not mind rights
 * there, would have one anon_vma for both and join them later.
 */
static bool can_stay_apart(const VmaEntry *v)
{
	return !(v->has_madv && v->madv & (1ull << MADV_RANDOM | 1ull << MADV_SEQUENTIAL));
}

static void advise_apart(struct program *p, const VmaEntry *v, int advice)
{
	if (can_stay_apart(v))
		PROGRAM_SYSCALL(p, OP_WHAT_ADVISE, SYS_madvise, v->start, v->end - v->start,
				(uint64_t)advice);
}

/* Its contents wait here until the kernel has made a ring. */
static void map_ring(struct program *p, const VmaEntry *v)
{
	struct op *op = PROGRAM_SYSCALL(p, OP_WHAT_MAP, SYS_mmap, v->start, v->end - v->start,
					PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1ul, 0);

	op->flags |= OP_EXPECT;
	op->expect = (int64_t)v->start;
}

/*
 * What has been writable without MAP_NORESERVE is accounted (VM_ACCOUNT), and stays so: it is not
 * joined with what is not, whatever else they have in common.
 */
static bool is_accounted(const struct restore *r, const struct task_restore *tr, size_t i,
			 uint8_t prot)
{
	uint32_t flags = tr->mm->vmas[i]->flags;
	const struct share_segment *g = share_of(r, tr, i);

	return (flags & MAP_TYPE) == MAP_PRIVATE && !(flags & MAP_NORESERVE) &&
	       (prot & PROT_WRITE || (g && !g->is_empty));
}

static bool would_join(const struct restore *r, const struct task_restore *tr, size_t i,
		       const uint8_t *prot)
{
	return i && vma_alike(tr->mm->vmas[i - 1], tr->mm->vmas[i]) &&
	       is_accounted(r, tr, i - 1, prot[i - 1]) == is_accounted(r, tr, i, prot[i]);
}

/* prot[i]: what mapping i has until its pages are there, and VMA_APART. */
static void map_all(struct program *p, const struct restore *r, const struct task_restore *tr,
		    const struct mem_fds *fds, uint8_t *prot)
{
	const MmEntry *mm = tr->mm;
	bool odd = false;

	for (size_t i = 0; i < mm->n_vmas; i++) {
		const VmaEntry *v = mm->vmas[i];

		prot[i] = (uint8_t)v->prot;
		if (is_given(v) || v->uring)
			continue;
		if (v->status & VMA_ANON_SHARED) {
			prot[i] = map_shmem(p, r, v);
			mempolicy_bind(p, v);
			advise(p, mm, v);
			continue;
		}
		if (vma_has_private_pages(v) && has_pages(tr, v))
			prot[i] |= PROT_READ | PROT_WRITE;
		odd = would_join(r, tr, i, prot) ? !odd : false;
		if (odd)
			prot[i] ^= PROT_EXEC;
		if (v->status & VMA_AIORING) {
			map_ring(p, v);
			prot[i] = PROT_READ | PROT_WRITE;
			continue;
		}
		if (share_of(r, tr, i))
			share_move(p, r, tr, i, prot[i]);
		else if (vma_is_huge_private(v))
			map_huge(p, v, shmem_find(r, v->shmid)->fd, prot[i]);
		else
			map_one(p, v, fds->vma[i], prot[i]);
		mempolicy_bind(p, v);
		advise(p, mm, v);
		if (odd) {
			advise_apart(p, v, MADV_RANDOM);
			prot[i] |= VMA_APART;
		}
	}
	if (r->share && r->share->len)
		unmap(p, r->share->at, r->share->at + r->share->len);
}

/* Whoever locks a mapping in which there are guards is told that they are not there, but locked
 * it is. */
static bool has_guards(const struct task_restore *tr, const VmaEntry *v)
{
	for (size_t i = 0; i < tr->nr_guards; i++) {
		const VmaEntry *g = tr->mm->vmas[tr->mm->n_vmas + i];

		if (g->start < v->end && g->end > v->start)
			return true;
	}
	return false;
}

static void lock_mapping(struct program *p, const struct task_restore *tr, const VmaEntry *v)
{
	bool on_fault = v->has_locked_on_fault && v->locked_on_fault;
	struct op *op = PROGRAM_SYSCALL(p, OP_WHAT_LOCK, SYS_mlock2, v->start, v->end - v->start,
					on_fault ? MLOCK_ONFAULT : 0);

	if (has_guards(tr, v))
		op->flags |= OP_ANY;
}

static void finish_mapping(struct program *p, const VmaEntry *v, uint8_t prot)
{
	uint64_t len = v->end - v->start;

	if (is_given(v))
		return;
	if (v->has_madv && v->madv & (1ull << MADV_HUGEPAGE))
		PROGRAM_SYSCALL(p, OP_WHAT_ADVISE, SYS_madvise, v->start, len, MADV_HUGEPAGE);
	if (pkey_of(v))
		PROGRAM_SYSCALL(p, OP_WHAT_PROTECT, SYS_pkey_mprotect, v->start, len, v->prot,
				pkey_of(v));
	else if ((prot & ~VMA_APART) != v->prot)
		PROGRAM_SYSCALL(p, OP_WHAT_PROTECT, SYS_mprotect, v->start, len, v->prot);
	if (prot & VMA_APART)
		advise_apart(p, v, MADV_NORMAL);
	if (v->name)
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME,
				v->start, len, program_copy(p, v->name, strlen(v->name) + 1))
		    ->flags |= OP_ANY; /* a kernel without CONFIG_ANON_VMA_NAME */
}

/* When mappings are what they are to be, or the kernel joins some, and before they are locked, for
 * then it takes none. */
static void guards_install(struct program *p, const struct task_restore *tr)
{
	for (size_t i = 0; i < tr->nr_guards; i++) {
		const VmaEntry *g = tr->mm->vmas[tr->mm->n_vmas + i];

		PROGRAM_SYSCALL(p, OP_WHAT_ADVISE, SYS_madvise, g->start, g->end - g->start,
				MADV_GUARD_INSTALL);
	}
}

/* The last that is done to a mapping. */
static void seal(struct program *p, const MmEntry *mm)
{
	for (size_t i = 0; i < mm->n_vmas; i++) {
		const VmaEntry *v = mm->vmas[i];

		if (v->has_sealed && v->sealed && !is_given(v))
			PROGRAM_SYSCALL(p, OP_WHAT_SEAL, SYS_mseal, v->start, v->end - v->start, 0);
	}
}

static void mm_fields(struct program *p, const MmEntry *mm, int exe)
{
	uint64_t auxv[AUXV_MAX] = { 0 };
	size_t words = mm->n_mm_saved_auxv < AUXV_MAX - 2 ? mm->n_mm_saved_auxv : AUXV_MAX - 2;
	struct prctl_mm_map map = {
		.start_code = mm->mm_start_code,
		.end_code = mm->mm_end_code,
		.start_data = mm->mm_start_data,
		.end_data = mm->mm_end_data,
		.start_brk = mm->mm_start_brk,
		.brk = mm->mm_brk,
		.start_stack = mm->mm_start_stack,
		.arg_start = mm->mm_arg_start,
		.arg_end = mm->mm_arg_end,
		.env_start = mm->mm_env_start,
		.env_end = mm->mm_env_end,
		.exe_fd = (uint32_t)exe,
	};

	for (size_t i = 0; i < words; i++)
		auxv[i] = mm->mm_saved_auxv[i];
	words = (words + 1) & ~1ul;
	map.auxv = (__u64 *)(uintptr_t)program_copy(p, auxv, (words + 2) * sizeof(*auxv));
	map.auxv_size = (uint32_t)((words + 2) * sizeof(*auxv));
	PROGRAM_SYSCALL(p, OP_WHAT_MM, SYS_prctl, PR_SET_MM, PR_SET_MM_MAP,
			program_copy(p, &map, sizeof(map)), sizeof(map), 0);
}

/* Is each mapping that a task has from a segment one that its parent has from there, too? */
static bool shares_alike(const struct task_restore *tr, const struct task_restore *up)
{
	size_t nr = tr->share ? tr->share->nr_moves : 0, had = up->share ? up->share->nr_moves : 0;

	for (size_t i = 0, at = 0; i < nr; i++, at++) {
		const struct share_move *m = &tr->share->moves[i];
		const VmaEntry *v = tr->mm->vmas[m->vma];

		while (at < had && up->mm->vmas[up->share->moves[at].vma]->start < v->start)
			at++;
		if (at == had || up->share->moves[at].segment != m->segment ||
		    up->mm->vmas[up->share->moves[at].vma]->start != v->start ||
		    up->mm->vmas[up->share->moves[at].vma]->end != v->end)
			return false;
	}
	return true;
}

bool mem_leaves_alike(const struct task *t, const struct vdso *vdso)
{
	const struct task_restore *tr = t->restore, *up = t->parent->restore;
	struct share_span at, up_at;

	return t->abi == TASK_ABI_64 && t->parent->abi == TASK_ABI_64 &&
	       vdso_goes_to(vdso, tr->mm, &at) && vdso_goes_to(vdso, up->mm, &up_at) &&
	       at.addr == up_at.addr && shares_alike(tr, up);
}

void mem_leave(struct program *p, const struct restore *r, const struct task *t,
	       const struct vdso *vdso, uint64_t parking)
{
	bool is_32bit = t->abi == TASK_ABI_32;
	const struct task_restore *tr = t->restore;
	const MmEntry *mm = tr->mm;
	struct share_span vdso_at = { 0, 0 };
	bool vdso_is_there;

	if (tr->is_bare) {
		vdso_goes_to(vdso, mm, &vdso_at);
		leave(p, r, tr, vdso_at);
		return;
	}
	rseq_leave(p);
	mempolicy_reset(p, &r->inherited);
	vdso_is_there = !is_32bit && vdso_goes_to(vdso, mm, &vdso_at);
	if (vdso_is_there)
		vdso_go(p, vdso, vdso_at.addr);
	else if (!is_32bit)
		vdso_park(p, vdso, parking);
	leave(p, r, tr, vdso_at);
	if (is_32bit)
		vdso_make_compat(p, vdso, parking);
	if (!vdso_is_there)
		vdso_unpark(p, vdso, parking, mm);
}

void mem_program(struct program *p, const struct restore *r, const struct task *t, uint64_t parking,
		 const struct mem_fds *fds)
{
	const struct task_restore *tr = t->restore;
	const MmEntry *mm = tr->mm;
	uint8_t *prot = program_data(p, mm->n_vmas);

	/* No huge page may fill a hole; until userfaults_program(). */
	if ((mm->has_thp_disabled && mm->thp_disabled) || mm_keeps_holes(mm))
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_THP_DISABLE, 1);
	merge_all(p, mm, r->inherited.memory_merge);
	map_all(p, r, tr, fds, prot);
	fill_program(p, r, tr, prot, fds->pages);
	aio_restore(p, mm, fds->aio);
	uring_vmas_map(p, r, mm, parking, fds);
	for (size_t i = 0; i < mm->n_vmas; i++)
		if (mm->vmas[i]->status & VMA_AIORING || mm->vmas[i]->uring)
			advise(p, mm, mm->vmas[i]);
	pkeys_allocate(p, mm);
	for (size_t i = 0; i < mm->n_vmas; i++)
		finish_mapping(p, mm->vmas[i], prot[i]);
	guards_install(p, tr);
	for (size_t i = 0; i < mm->n_vmas; i++)
		if (mm->vmas[i]->flags & MAP_LOCKED && !is_given(mm->vmas[i]))
			lock_mapping(p, tr, mm->vmas[i]);
	seal(p, mm);
	ldt_restore(p, mm);
	mm_fields(p, mm, fds->exe);
	if (mm->has_lock_future && mm->lock_future)
		PROGRAM_SYSCALL(p, OP_WHAT_LOCK, SYS_mlockall, MCL_FUTURE);
	else if (mm->has_lock_on_fault && mm->lock_on_fault)
		PROGRAM_SYSCALL(p, OP_WHAT_LOCK, SYS_mlockall, MCL_FUTURE | MCL_ONFAULT);
}
