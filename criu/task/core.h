// SPDX-License-Identifier: GPL-2.0-only
/* core-N.img: what a thread is, and with its leader what the process is. */
#pragma once
#include "criu/core/dump.h"
#include "images/core.pb-c.h"

/* Writes core, ids and pstree images of all tasks. */
int core_dump(struct dump *d);

TaskRlimitsEntry *rlimits_dump(struct arena *a, const struct proc_limits *l);

/* The namespace ids that this dump uses, also for the inventory. */
void ids_fill_namespaces(TaskKobjIdsEntry *e);
