// SPDX-License-Identifier: GPL-2.0-only
/* memfd_secret(2): see secretmem.c. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/restore.h"

struct stat;

bool secretmem_is(const char *link, const struct stat *st);
/* The id of its image, for whom it is mapped. Speaks. */
int secretmem_dump_mapped(struct dump *d, const struct proc_vma *v, const struct stat *st,
			  uint32_t *ret_id);

/* In crtool, before the first fork. */
int secretmems_make(struct restore *r);
/* In a task: a descriptor to map it by. */
int secretmem_open_mapped(const struct file *f);
