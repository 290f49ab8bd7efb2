// SPDX-License-Identifier: GPL-2.0-only
/* The part of a restore program that makes an address space. */
#pragma once
#include "criu/core/restore.h"
#include "criu/mem/vdso.h"

/* Descriptors that the program uses, all of them service descriptors. */
struct mem_fds {
	int exe;
	int aio; /* mem/aio.h; -1 */
	int *pages; /* by index in sources of the task */
	int *vma; /* by index in mm->vmas; -1: not a file */
};

/* In the task: opens them. open_file is files/, which mem/ must not know. */
int mem_open(struct restore *r, struct task *t,
	     int (*open_file)(struct restore *r, uint32_t id, uint32_t flags), struct mem_fds *ret);

/* Upper bound of the bytes that the operations and their data take. */
size_t mem_program_room(const struct restore *r, const struct task_restore *tr);

/* From crtool's address space to the task's own; closes what fds has. */
void mem_program(struct program *p, const struct restore *r, const struct task *t,
		 const struct vdso *vdso, uint64_t parking, const struct mem_fds *fds);
