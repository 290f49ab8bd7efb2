// SPDX-License-Identifier: GPL-2.0-only
/* What a task does between its birth and the restorer. */
#pragma once
#include "criu/core/restore.h"

/* Bytes of the hole that the task takes for itself. Set before the first fork. */
void restore_task_room(struct restore *r, struct task *t);

/* Has it values that only /proc takes? */
bool restore_task_writes(const struct restore *r, const struct task *t);

void restore_task(struct restore *r, struct task *t);
