// SPDX-License-Identifier: GPL-2.0-only
/* A mapping in images: what it is (status) and how it is made again. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include "criu/core/dump.h"
#include "images/mm.pb-c.h"

/* Above is the kernel's half, and below it the page that no mapping may take. */
#define TASK_END 0x7ffffffff000ull

/* vma_entry.status */
enum vma_status {
	VMA_REGULAR = 1 << 0,
	VMA_VSYSCALL = 1 << 2,
	VMA_VDSO = 1 << 3,
	VMA_HEAP = 1 << 5,
	VMA_FILE_PRIVATE = 1 << 6,
	VMA_FILE_SHARED = 1 << 7,
	VMA_ANON_SHARED = 1 << 8,
	VMA_ANON_PRIVATE = 1 << 9,
	VMA_SYSVIPC = 1 << 10,
	VMA_SOCKET = 1 << 11,
	VMA_VVAR = 1 << 12,
	VMA_AIORING = 1 << 13,
	VMA_MEMFD = 1 << 14, /* besides VMA_FILE_* */
	VMA_SHSTK = 1 << 15,
	VMA_GUARD = 1 << 16,
	VMA_UPROBES = 1 << 17,
};

/* Besides PROT_*, of a mapping that is being made: it is alike to its neighbour. */
#define VMA_APART 0x80

/* Pages of its own, that only the images have. Those of an AIO ring are stored like that. */
static inline bool vma_has_private_pages(const VmaEntry *v)
{
	return (v->status & (VMA_ANON_PRIVATE | VMA_FILE_PRIVATE | VMA_AIORING)) &&
	       !(v->status & (VMA_VVAR | VMA_VSYSCALL | VMA_GUARD));
}

/* Of hugetlbfs: the size of its pages; 0: it has usual ones. */
static inline uint64_t vma_huge_bytes(const VmaEntry *v)
{
	return v->flags & MAP_HUGETLB ? 1ull << (v->flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK) : 0;
}

/* Over a file of its own: a segment without contents. */
static inline bool vma_is_huge_private(const VmaEntry *v)
{
	return v->status & VMA_ANON_PRIVATE && v->shmid && vma_huge_bytes(v);
}

static inline bool vma_is_file(const VmaEntry *v)
{
	return v->status & (VMA_FILE_PRIVATE | VMA_FILE_SHARED | VMA_SOCKET);
}

/* The mapping that holds addr, or the next one; n_vmas. */
size_t vma_find(const MmEntry *mm, uint64_t addr);

/* Neighbours of which the kernel makes one mapping, unless they have pages of their own. */
bool vma_alike(const VmaEntry *a, const VmaEntry *b);

/* enum vma_status of v; 0: cannot be kept. */
uint32_t vma_kind(const struct proc_vma *v);

/* One entry for v, without shmid and fdflags of a file. Mappings that cannot be kept are
 * recorded as blockers; then NULL. */
VmaEntry *vma_dump(struct arena *a, const struct task *t, const struct proc_vma *v);

/* How a userfaultfd has it registered: UFFDIO_REGISTER_MODE_*. */
uint32_t vma_userfault(const struct proc_vma *v);
/* Pages that are missing are asked for (UFFDIO_REGISTER_MODE_MISSING), so none may be made up; and
 * zeros that are there are contents. */
bool vma_keeps_holes(const VmaEntry *v);
bool mm_keeps_holes(const MmEntry *mm);

/* The object behind a shared anonymous mapping: the same number, the same memory. */
uint64_t vma_shmem_key(const struct proc_vma *v);

/* What the image says is possible on this machine, and its parts agree. Guard ranges, which stand
 * behind the mappings, do not count in n_vmas afterwards: so many there are. Speaks. */
int vma_load_check(MmEntry *mm, size_t *ret_guards);
