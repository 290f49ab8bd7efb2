// SPDX-License-Identifier: GPL-2.0-only
/* The tasks, from images into struct task, checked. */
#pragma once
#include "criu/core/restore.h"

/* inventory, pstree, core, ids, fs. */
int load_tasks(struct restore *r);
/* Every pid that is to be made is free, or named with its owner: blockers. */
int check_pids(struct restore *r);
