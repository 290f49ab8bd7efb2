// SPDX-License-Identifier: GPL-2.0-only
/* The userfaultfd(2) of another process, used to learn what it writes. Quiet. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "compel/remote.h"

/* By the parasite that is in r: -errno, or the descriptor, of which the task keeps none. */
int uffd_ask(struct remote *r);
/* 0: the range is tracked by this one now, or was already. -EBUSY: by another; -ESRCH: the
 * process has executed another program since. */
int uffd_track(int uffd, uint64_t start, uint64_t end);

/* From start on, before the first mapping that nobody can register, is one registered with another
 * userfaultfd? wall: where one ends that nobody can. Nothing is registered. */
bool uffd_meets_other(int uffd, uint64_t start, uint64_t wall);
