// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's code and data in every address space. */
#pragma once
#include "criu/core/restore.h"

#define VDSO_PARTS_MAX 4

/* crtool's own, which its children start with. */
struct vdso {
	struct {
		uint64_t start, end;
		bool code;
	} part[VDSO_PARTS_MAX];
	size_t nr;
};

int vdso_find(struct vdso *ret);
/* The images' vdso is the one of this kernel, in contents and in layout. Speaks. */
int vdso_check(struct restore *r, const struct vdso *own, const struct task *t);

/* Bytes of parking. */
uint64_t vdso_room(const struct vdso *own);
/* Out of the way, to `parking`; and to where the task has it. */
void vdso_park(struct program *p, const struct vdso *own, uint64_t parking);
void vdso_unpark(struct program *p, const struct vdso *own, uint64_t parking, const MmEntry *mm);
