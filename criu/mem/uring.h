// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of rings of io_uring(7). */
#pragma once
#include "criu/core/program.h"
#include "criu/core/restore.h"
#include "criu/kernel/proc.h"
#include "criu/mem/program.h"

bool uring_vma_is(const struct proc_vma *v);
/* All of a ring, or of its requests: *ret is not NULL where it cannot be mapped again. */
const char *uring_vma_blocked(const struct proc_vma *v);

size_t uring_vmas_ops(const MmEntry *mm);
/* When everything else of the address space is in its place; parking: see vdso.h. */
void uring_vmas_map(struct program *p, const struct restore *r, const MmEntry *mm, uint64_t parking,
		    const struct mem_fds *fds);
