// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/maps and /proc/PID/smaps. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "criu/base/arena.h"
#include "criu/kernel/proc_file.h"

/* What the name column says. A mapping of a file, or of nothing, is PROC_VMA_NONE. */
enum proc_vma_special {
	PROC_VMA_NONE,
	PROC_VMA_HEAP,
	PROC_VMA_STACK,
	PROC_VMA_VDSO,
	PROC_VMA_VVAR,
	PROC_VMA_VVAR_VCLOCK,
	PROC_VMA_VSYSCALL,
	PROC_VMA_UPROBES,
	PROC_VMA_ANON_NAMED, /* [anon:NAME]: private; path is NAME */
	PROC_VMA_SHMEM_NAMED, /* [anon_shmem:NAME]: shared; path is NAME */
	PROC_VMA_OTHER, /* any other [...]; path is the text with its brackets */
};

/* The two letters of VmFlags (fs/proc/task_mmu.c), as bits of struct proc_vma.vmflags. */
/* clang-format off */
#define PROC_VMFLAGS(X)                                                                     \
	X(RD) X(WR) X(EX) X(SH) X(MR) X(MW) X(ME) X(MS) X(GD) X(PF) X(DW) X(LO) X(IO) X(SR) \
	X(RR) X(DC) X(DE) X(AC) X(NR) X(HT) X(SF) X(NL) X(AR) X(WF) X(DD) X(SD) X(MM) X(HG) \
	X(NH) X(MG) X(UM) X(UW) X(UI) X(SS) X(SL) X(DP) X(LF) X(BT) X(MT) X(MP) X(GU)
/* clang-format on */

enum proc_vmflag_nr {
#define X(name) PROC_VMFLAG_NR_##name,
	PROC_VMFLAGS(X)
#undef X
	    PROC_VMFLAG_NR,
};

#define PROC_VMF(name) (1ull << PROC_VMFLAG_NR_##name)
#define PROC_VMF_OTHER (1ull << 63) /* the kernel printed letters that we do not know */

struct proc_vma {
	uint64_t start, end;
	uint64_t pgoff; /* bytes */
	uint64_t ino;
	uint32_t dev_major, dev_minor;
	uint8_t prot; /* PROT_* */
	uint8_t special; /* enum proc_vma_special */
	bool shared;
	/*
	 * The name ended in " (deleted)", which path no longer has. A file may bear these
	 * letters in its own name: whoever cares compares with the link in map_files.
	 */
	bool deleted;
	bool userfault_kept; /* a userfaultfd of the task has it, that is dealt with */
	bool vmflags_known; /* from here on: smaps only */
	uint8_t pkey;
	uint32_t page_kb; /* KernelPageSize */
	uint64_t vmflags; /* PROC_VMF(..) */
	uint64_t rss_kb, anonymous_kb, swap_kb, anon_huge_kb, locked_kb;
	uint64_t shared_hugetlb_kb, private_hugetlb_kb;
	/* "" when there is none; lives as long as the list. \012 is decoded: the only
	 * escape of this file, and a backslash itself is not escaped. */
	const char *path;
};

struct proc_vmas_shared;

/* Sorted by address; those of a running task may overlap where they changed meanwhile. */
struct proc_vmas {
	struct proc_vma *v; /* to be written to after proc_vmas_own() only */
	size_t nr, cap;
	bool no_policies; /* memory policies: there are none, for certain */
	/* Equal, and not NULL: the same mappings, of the same open file descriptions. */
	const void *like;
	struct arena names;
	struct proc_vmas_shared *shared; /* NULL: with nobody */
};

int proc_maps_parse(const char *text, size_t len, struct proc_vmas *ret);
int proc_smaps_parse(const char *text, size_t len, struct proc_vmas *ret);

/* ret must not hold a list: it is written over. An empty list: a zombie or a kernel thread. */
int proc_maps_read(int dirfd, struct proc_buf *b, struct proc_vmas *ret);
/* With VmFlags and counts, and five to eight times slower: the kernel walks page tables. */
int proc_smaps_read(int dirfd, struct proc_buf *b, struct proc_vmas *ret);
/* Two lists of one memory. ret must not hold a list. */
void proc_vmas_share(struct proc_vmas *l, struct proc_vmas *ret);
/* The mappings, though not their names, become its own. Those that were shared stay where they are
 * as long as somebody has them. */
void proc_vmas_own(struct proc_vmas *l);
void proc_vmas_done(struct proc_vmas *l);

#define cleanup_proc_vmas __attribute__((cleanup(proc_vmas_done)))

/* The mapping that holds addr, or NULL. */
const struct proc_vma *proc_vmas_find(const struct proc_vmas *l, uint64_t addr);
