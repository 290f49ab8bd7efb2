// SPDX-License-Identifier: GPL-2.0-only
/* Waiting until tasks that run are through with what they ask of the kernel. */
#pragma once
#include "criu/core/dump.h"

/*
 * Every thread of these tasks has left the system call that it was in, or is in one that takes its
 * time but has no memory pinned. 1: of some thread nobody can tell. Speaks.
 */
int calls_end(struct dump *d, const struct tree *tree);
