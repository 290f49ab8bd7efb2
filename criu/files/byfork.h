// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors of a task that its parent has, and forks it with. */
#pragma once
#include "criu/core/restore.h"

/* Has a task nothing open but what its parent has at the same number? */
bool files_come_by_fork(const struct task *t);
/* Then, as a child of its parent it keeps of all that what it is to have. */
size_t files_keep_room(const struct task *t);
void files_keep(struct program *p, const struct restore *r, const struct task *t);
/* Could it be that one of the files cannot be made before all processes are there? */
bool files_name_processes(const struct restore *r);
