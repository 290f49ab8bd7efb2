// SPDX-License-Identifier: GPL-2.0-only
/* Page contents of a task on their way in: from its pages image to their places. */
#pragma once
#include "criu/core/restore.h"

/* Can large ranges come by way of huge pages on this machine? */
bool fill_can_use_huge(void);
/* A plain mapping whose owner has no opinion about its pages, or likes them large. */
bool fill_takes_huge(const MmEntry *mm, const VmaEntry *v);
/* Some of its memory can. */
bool fill_has_huge(const struct task_restore *tr);

/* Bytes of program that fill_program() takes. */
size_t fill_room(const struct restore *r, const struct task_restore *tr);
/* prot[i]: what mapping i has meanwhile. fds: the pages images, by source. */
void fill_program(struct program *p, const struct restore *r, const struct task_restore *tr,
		  const uint8_t *prot, const int *fds);
