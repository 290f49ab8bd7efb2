// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's code and data in every address space. */
#pragma once
#include "criu/core/restore.h"
#include "criu/mem/share.h"

#define VDSO_PARTS_MAX 4

/* crtool's own, which its children start with; or the one for 32-bit tasks. */
struct vdso {
	struct {
		uint64_t start, end;
		bool code;
	} part[VDSO_PARTS_MAX];
	size_t nr;
	bool moves_whole; /* all parts by one mremap(2): since Linux 6.17 */
	const uint8_t *code; /* to read; a copy of the one for 32-bit tasks, owned */
};

/* Where a process has its vdso, without code. Speaks. */
int vdso_of(pid_t pid, struct vdso *ret);
int vdso_find(struct vdso *ret);
/* The one that arch_prctl(2) maps for 32-bit tasks: its code and its layout. Speaks. */
int vdso_find_compat(const struct vdso *own, struct vdso *ret);
/* The images' vdso is the one of this kernel, in contents and in layout. Speaks. */
int vdso_check(struct restore *r, const struct vdso *own, const struct task *t);

/*
 * Where the vdso goes by itself, whatever of crtool is there, before all else is unmapped; false:
 * it has to be parked meanwhile.
 */
bool vdso_goes_to(const struct vdso *own, const MmEntry *mm, struct share_span *ret);
void vdso_go(struct program *p, const struct vdso *own, uint64_t to);

/* Bytes of parking. */
uint64_t vdso_room(const struct vdso *own);
/* Out of the way, to `parking`; or made there; and to where the task has it. */
void vdso_park(struct program *p, const struct vdso *own, uint64_t parking);
void vdso_make_compat(struct program *p, const struct vdso *compat, uint64_t parking);
void vdso_unpark(struct program *p, const struct vdso *own, uint64_t parking, const MmEntry *mm);
