// SPDX-License-Identifier: GPL-2.0-only
/* Shared anonymous memory: contents stored once, mapped by whoever had it mapped. */
#pragma once
#include "criu/core/dump.h"

/* The id that all mappings of this memory carry; its pages are written the first time. */
int shmem_dump(struct dump *d, const struct task *t, const struct proc_vma *v, uint64_t *ret_shmid);
