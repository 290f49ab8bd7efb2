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

/*
 * Does a child that is forked after mem_leave() of its parent have all that its own mem_leave()
 * leaves of crtool's address space?
 */
bool mem_leaves_alike(const struct task *t, const struct vdso *vdso);
/* What is there of crtool goes, but for what is in its place already. */
void mem_leave(struct program *p, const struct restore *r, const struct task *t,
	       const struct vdso *vdso, uint64_t parking);
/* From there to the task's own address space; closes what fds has. */
void mem_program(struct program *p, const struct restore *r, const struct task *t, uint64_t parking,
		 const struct mem_fds *fds);
