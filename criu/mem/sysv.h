// SPDX-License-Identifier: GPL-2.0-only
/* Segments of System V shared memory that are mapped. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/restore.h"
#include "images/mm.pb-c.h"

/* "/SYSV..." may also be the name of a file: is it what shmat(2) has mapped? */
bool sysv_is(const struct proc_vma *v);

/* Gives the mapping the id of the segment, which is written the first time. What cannot be kept
 * becomes a blocker. Speaks. */
int sysv_dump(struct dump *d, const struct task *t, const struct proc_vma *v, VmaEntry *e);
int sysv_dump_end(struct dump *d);

/* ipcns-shm-N.img, if somebody maps a segment. Speaks. */
int sysv_load(struct restore *r);
/* From at on in the hole: the end. */
uint64_t sysv_layout(struct restore *r, uint64_t at);
/* In crtool, when there is a hole: finds or makes all segments and attaches them there. Speaks. */
int sysv_make(struct restore *r);
/* A restore that has failed: what it has made goes. */
void sysv_undo(struct restore *r);
/* Was it attached with SHM_RDONLY? */
bool sysv_is_readonly(const VmaEntry *v);
/* Where the segment of the mapping is attached, as the mapping may use it. */
uint64_t sysv_at(const struct restore *r, const VmaEntry *v);
