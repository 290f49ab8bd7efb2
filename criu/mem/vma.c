// SPDX-License-Identifier: GPL-2.0-only
/* Which mapping is what. The kernel shows it in the name column, the device and VmFlags. */
#include "criu/mem/vma.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/kernel/uapi.h"
#include "criu/mem/aio.h"
#include "criu/mem/mempolicy.h"
#include "criu/mem/pkey.h"
#include "criu/mem/sysv.h"
#include "criu/mem/uring.h"

#define HUGE_SIZE_BITS ((uint32_t)MAP_HUGE_MASK << MAP_HUGE_SHIFT)
#define MADV_BIT(n)    (1ull << (n))

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* Advice that stays with a mapping, and the flag that shows it. */
static const struct {
	uint64_t vmflag;
	unsigned int advice;
} advices[] = {
	{ PROC_VMF(SR), MADV_SEQUENTIAL }, { PROC_VMF(RR), MADV_RANDOM },
	{ PROC_VMF(DC), MADV_DONTFORK },   { PROC_VMF(DD), MADV_DONTDUMP },
	{ PROC_VMF(MG), MADV_MERGEABLE },  { PROC_VMF(HG), MADV_HUGEPAGE },
	{ PROC_VMF(NH), MADV_NOHUGEPAGE }, { PROC_VMF(WF), MADV_WIPEONFORK },
};

#ifndef UFFDIO_REGISTER_MODE_MINOR /* 5.13 */
#define UFFDIO_REGISTER_MODE_MINOR (1ull << 2)
#endif

#define USERFAULT_MODES                                                                            \
	(UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MINOR)

#define USERFAULT (PROC_VMF(UM) | PROC_VMF(UW) | PROC_VMF(UI))

/* Flags that say more than can be put back in this version. */
static const struct {
	uint64_t vmflag;
	const char *what;
} refused[] = {
	{ PROC_VMF(IO), "device memory" },
	{ PROC_VMF(PF), "pages without a struct page" },
	{ USERFAULT, "a registration with a userfaultfd that nobody in the tree has" },
	{ PROC_VMF(SS), "a shadow stack" },
};

static bool vma_blocked(const struct task *t, const struct proc_vma *v)
{
	const char *ring = uring_vma_is(v) ? uring_vma_blocked(v) : NULL;

	if (ring) {
		blocker(NULL, "pid %d (%s): mapping %llx-%llx: %s, which cannot be kept yet",
			(int)t->pid, t->comm, (unsigned long long)v->start,
			(unsigned long long)v->end, ring);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		uint64_t found = v->vmflags & refused[i].vmflag;

		if (!found || (v->userfault_kept && found & USERFAULT))
			continue;
		blocker(NULL, "pid %d (%s): mapping %llx-%llx: %s, which cannot be kept yet",
			(int)t->pid, t->comm, (unsigned long long)v->start,
			(unsigned long long)v->end, refused[i].what);
		return true;
	}
	return false;
}

static uint32_t special_status(const struct proc_vma *v)
{
	switch ((enum proc_vma_special)v->special) {
	case PROC_VMA_VDSO:
		return VMA_REGULAR | VMA_ANON_PRIVATE | VMA_VDSO;
	case PROC_VMA_VVAR:
	case PROC_VMA_VVAR_VCLOCK:
		return VMA_REGULAR | VMA_ANON_PRIVATE | VMA_VVAR;
	case PROC_VMA_VSYSCALL:
		return VMA_ANON_PRIVATE | VMA_VSYSCALL;
	case PROC_VMA_HEAP:
		return VMA_REGULAR | VMA_HEAP | (v->shared ? VMA_ANON_SHARED : VMA_ANON_PRIVATE);
	case PROC_VMA_UPROBES:
	case PROC_VMA_OTHER:
		return 0;
	default:
		return UINT32_MAX;
	}
}

static bool is_anon_shared(const struct proc_vma *v)
{
	return v->shared &&
	       (v->special == PROC_VMA_SHMEM_NAMED || (v->deleted && str_eq(v->path, "/dev/zero")));
}

/* mmap(2) with MAP_HUGETLB: a file of an internal hugetlbfs. */
static bool is_anon_huge(const struct proc_vma *v)
{
	return v->vmflags & PROC_VMF(HT) && v->deleted && str_eq(v->path, "/anon_hugepage");
}

uint32_t vma_kind(const struct proc_vma *v)
{
	uint32_t special = special_status(v);

	if (special != UINT32_MAX)
		return special;
	if (aio_is(v))
		return VMA_REGULAR | VMA_AIORING;
	if (is_anon_huge(v))
		return VMA_REGULAR | (v->shared ? VMA_ANON_SHARED : VMA_ANON_PRIVATE);
	if (sysv_is(v) && v->vmflags & PROC_VMF(HT))
		return 0;
	if (sysv_is(v))
		return VMA_REGULAR | VMA_ANON_SHARED | VMA_SYSVIPC;
	if (is_anon_shared(v))
		return VMA_REGULAR | VMA_ANON_SHARED;
	if (!v->ino || !*v->path || v->special == PROC_VMA_ANON_NAMED ||
	    v->special == PROC_VMA_STACK)
		return v->shared ? 0 : VMA_REGULAR | VMA_ANON_PRIVATE;
	if (v->shared && str_starts(v->path, "socket:["))
		return VMA_REGULAR | VMA_SOCKET;
	if (uring_vma_is(v))
		return VMA_REGULAR | VMA_FILE_SHARED;
	if (v->path[0] != '/')
		return 0;
	return VMA_REGULAR | (v->shared ? VMA_FILE_SHARED : VMA_FILE_PRIVATE);
}

static uint32_t vma_map_flags(const struct proc_vma *v, uint32_t status)
{
	uint32_t flags = v->shared                   ? MAP_SHARED
			 : v->vmflags & PROC_VMF(DP) ? MAP_DROPPABLE
						     : MAP_PRIVATE;

	if (status & (VMA_ANON_PRIVATE | VMA_ANON_SHARED))
		flags |= MAP_ANONYMOUS;
	if (v->vmflags & PROC_VMF(GD))
		flags |= MAP_GROWSDOWN;
	if (v->vmflags & PROC_VMF(LO))
		flags |= MAP_LOCKED;
	if (v->vmflags & PROC_VMF(NR))
		flags |= MAP_NORESERVE;
	if (v->vmflags & PROC_VMF(HT) && v->page_kb)
		flags |= MAP_HUGETLB | (uint32_t)__builtin_ctzll(v->page_kb * 1024ull)
					   << MAP_HUGE_SHIFT;
	return flags;
}

static void block_kind(const struct task *t, const struct proc_vma *v)
{
	const char *name = *v->path ? v->path : "shared memory without a name";

	if (v->special == PROC_VMA_UPROBES)
		name = "[uprobes]";
	blocker(NULL, "pid %d (%s): mapping %llx-%llx: %s%s cannot be kept yet", (int)t->pid,
		t->comm, (unsigned long long)v->start, (unsigned long long)v->end, name,
		v->deleted ? " (deleted)" : "");
}

static void vma_policy(struct arena *a, const struct task *t, const struct proc_vma *v, VmaEntry *e)
{
	const struct parasite_policy *policy = mempolicy_of(t, (size_t)(v - t->vmas.v));

	if (!policy)
		return;
	e->has_mempolicy = true;
	e->mempolicy = policy->mode;
	e->n_mempolicy_nodes = PARASITE_NODE_WORDS;
	e->mempolicy_nodes = arena_dup(a, policy->nodes, sizeof(policy->nodes));
	while (e->n_mempolicy_nodes && !e->mempolicy_nodes[e->n_mempolicy_nodes - 1])
		e->n_mempolicy_nodes--;
}

VmaEntry *vma_dump(struct arena *a, const struct task *t, const struct proc_vma *v)
{
	uint32_t status = vma_kind(v);
	VmaEntry *e;

	if (!status) {
		block_kind(t, v);
		return NULL;
	}
	/* vvar has PF, the data pages of the kernel. */
	if (!(status & (VMA_VVAR | VMA_VSYSCALL)) && vma_blocked(t, v))
		return NULL;
	e = arena_message(a, VmaEntry, VMA_ENTRY__INIT);
	e->start = v->start;
	e->end = v->end;
	e->pgoff = status & (VMA_ANON_PRIVATE | VMA_VSYSCALL) ? 0 : v->pgoff;
	e->prot = v->prot;
	e->status = status;
	e->flags = vma_map_flags(v, status);
	e->fd = -1;
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++)
		if (v->vmflags & advices[i].vmflag)
			e->madv |= MADV_BIT(advices[i].advice);
	e->has_madv = e->madv != 0;
	e->has_locked_on_fault = e->locked_on_fault = (v->vmflags & PROC_VMF(LF)) != 0;
	/* One that can only be executed has the kernel's own. */
	e->has_pkey = v->pkey && v->prot != PROT_EXEC;
	e->pkey = e->has_pkey ? v->pkey : 0;
	e->has_sealed = e->sealed = (v->vmflags & PROC_VMF(SL)) != 0;
	e->userfault = v->userfault_kept ? vma_userfault(v) : 0;
	e->has_userfault = e->userfault != 0;
	e->has_uring = e->uring = uring_vma_is(v);
	if (v->special == PROC_VMA_ANON_NAMED || v->special == PROC_VMA_SHMEM_NAMED)
		e->name = arena_strdup(a, v->path);
	vma_policy(a, t, v, e);
	return e;
}

uint32_t vma_userfault(const struct proc_vma *v)
{
	return (v->vmflags & PROC_VMF(UM) ? UFFDIO_REGISTER_MODE_MISSING : 0) |
	       (v->vmflags & PROC_VMF(UW) ? UFFDIO_REGISTER_MODE_WP : 0) |
	       (v->vmflags & PROC_VMF(UI) ? UFFDIO_REGISTER_MODE_MINOR : 0);
}

bool vma_keeps_holes(const VmaEntry *v)
{
	return v->userfault & UFFDIO_REGISTER_MODE_MISSING;
}

bool mm_keeps_holes(const MmEntry *mm)
{
	for (size_t i = 0; i < mm->n_vmas; i++)
		if (vma_keeps_holes(mm->vmas[i]))
			return true;
	return false;
}

uint64_t vma_shmem_key(const struct proc_vma *v)
{
	return v->ino ^ (uint64_t)v->dev_minor << 48 ^ (uint64_t)v->dev_major << 56;
}

size_t vma_find(const MmEntry *mm, uint64_t addr)
{
	size_t lo = 0, hi = mm->n_vmas;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (mm->vmas[mid]->end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool str_same(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

bool vma_alike(const VmaEntry *a, const VmaEntry *b)
{
	return a->end == b->start && a->status == b->status && a->prot == b->prot &&
	       a->flags == b->flags && a->madv == b->madv && a->shmid == b->shmid &&
	       (!vma_is_file(a) || a->pgoff + (a->end - a->start) == b->pgoff) &&
	       str_same(a->name, b->name);
}

static bool huge_is_good(const VmaEntry *v)
{
	uint64_t size = vma_huge_bytes(v);

	return size >= HUGE_BYTES && size < TASK_END &&
	       !((v->start | v->end | v->pgoff) & (size - 1));
}

static int vma_check_one(const VmaEntry *v)
{
	static const uint32_t known = VMA_REGULAR | VMA_VSYSCALL | VMA_VDSO | VMA_HEAP |
				      VMA_FILE_PRIVATE | VMA_FILE_SHARED | VMA_ANON_SHARED |
				      VMA_ANON_PRIVATE | VMA_VVAR | VMA_MEMFD | VMA_SYSVIPC |
				      VMA_AIORING | VMA_SOCKET;

	if (v->start >= v->end || (v->start | v->end) & PAGE_REST)
		return fail_plain("no range of pages");
	if (v->status & VMA_VSYSCALL)
		return 0;
	if (v->end > TASK_END)
		return fail_plain("beyond the end of the address space");
	if (v->status & ~known || !(v->status & VMA_REGULAR))
		return fail_plain("a kind (status %#x) that cannot be restored yet", v->status);
	if (v->status & VMA_AIORING && v->status != (VMA_REGULAR | VMA_AIORING))
		return fail_plain("an AIO ring that is something else, too (status %#x)",
				  v->status);
	if (v->status & VMA_SOCKET && v->status != (VMA_REGULAR | VMA_SOCKET))
		return fail_plain("a socket that is something else, too (status %#x)", v->status);
	if (v->status & VMA_SYSVIPC && !(v->status & VMA_ANON_SHARED))
		return fail_plain("a segment that is not shared (status %#x)", v->status);
	if (v->uring && v->status != (VMA_REGULAR | VMA_FILE_SHARED))
		return fail_plain("a ring of io_uring that is something else, too (status %#x)",
				  v->status);
	if (v->status & VMA_MEMFD && !vma_is_file(v))
		return fail_plain("a memfd that is no file (status %#x)", v->status);
	if (v->flags & (MAP_HUGETLB | HUGE_SIZE_BITS) && !huge_is_good(v))
		return fail_plain("huge pages (flags %#x)", v->flags);
	if (v->flags &
	    ~(uint32_t)(HUGE_SIZE_BITS | MAP_HUGETLB | MAP_PRIVATE | MAP_SHARED | MAP_ANONYMOUS |
			MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_DENYWRITE |
			MAP_EXECUTABLE | MAP_STACK | MAP_FIXED | MAP_DROPPABLE))
		return fail_plain("flags %#x that cannot be restored yet", v->flags);
	if (v->prot & ~(uint32_t)(PROT_READ | PROT_WRITE | PROT_EXEC))
		return fail_plain("protection %#x", v->prot);
	if (pkey_of(v) >= PKEYS)
		return fail_plain("protection key %u", v->pkey);
	if (v->userfault & ~(uint32_t)USERFAULT_MODES)
		return fail_plain("userfaultfd modes %#x", v->userfault);
	if (v->pgoff & PAGE_REST)
		return fail_plain("offset %#llx is within a page", (unsigned long long)v->pgoff);
	return v->has_mempolicy ? mempolicy_check(v->mempolicy, v->n_mempolicy_nodes) : 0;
}

static int vmas_check(const MmEntry *mm)
{
	uint64_t last = 0;

	for (size_t i = 0; i < mm->n_vmas; i++) {
		const VmaEntry *v = mm->vmas[i];
		int r = vma_check_one(v);

		if (r >= 0 && v->start < last)
			r = fail_plain("overlaps the one before it");
		if (r < 0)
			return fail_at(r, "mapping %llx-%llx", (unsigned long long)v->start,
				       (unsigned long long)v->end);
		last = v->end;
	}
	return 0;
}

static bool guard_is_good(const MmEntry *mm, const VmaEntry *g)
{
	size_t i = vma_find(mm, g->start);

	return g->status & VMA_GUARD && g->start < g->end && !((g->start | g->end) & PAGE_REST) &&
	       i < mm->n_vmas && mm->vmas[i]->start <= g->start && mm->vmas[i]->end >= g->end &&
	       !(mm->vmas[i]->status & VMA_VSYSCALL);
}

int vma_load_check(MmEntry *mm, size_t *ret_guards)
{
	size_t all = mm->n_vmas, nr = 0;
	int r;

	while (nr < all && !(mm->vmas[nr]->status & VMA_GUARD))
		nr++;
	mm->n_vmas = nr;
	*ret_guards = all - nr;
	r = vmas_check(mm);
	for (size_t i = nr; i < all && r >= 0; i++)
		if (!guard_is_good(mm, mm->vmas[i]))
			r = fail_plain("guard range %llx-%llx: in no mapping",
				       (unsigned long long)mm->vmas[i]->start,
				       (unsigned long long)mm->vmas[i]->end);
	return r;
}
