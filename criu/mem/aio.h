// SPDX-License-Identifier: GPL-2.0-only
/* Rings of asynchronous I/O: io_setup(2). */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/restore.h"
#include "images/mm.pb-c.h"

bool aio_is(const struct proc_vma *v);

/* Adds a ring to mm. What cannot be kept becomes a blocker. */
void aio_dump(struct dump *d, const struct task *t, const struct proc_vma *v, MmEntry *mm);

/* What submits requests that do nothing: a service descriptor; -1: there are no rings. Speaks. */
int aio_open(const struct restore *r, const MmEntry *mm);
size_t aio_room(const MmEntry *mm);
/* When the contents of the rings are where they belong, in other memory. */
void aio_restore(struct program *p, const MmEntry *mm, int fd);
