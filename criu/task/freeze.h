// SPDX-License-Identifier: GPL-2.0-only
/* Stopping a whole tree, and letting it go. */
#pragma once
#include "criu/core/dump.h"

/* The root exists, is a process and not a thread, and is not crtool or an ancestor of it. */
int freeze_check_root(struct dump *d);

/* Every thread of every task of the tree is in a ptrace stop; zombies are listed. */
int freeze_tree(struct dump *d);

/* All run on as they did; those that were stopped by job control stay stopped. */
void thaw_tree(struct dump *d);

/* What the user asked for: dead, running, or stopped. */
int release_tree(struct dump *d);
