// SPDX-License-Identifier: GPL-2.0-only
/* Descriptor tables and files of a restore: loaded and planned in crtool, opened in the tasks. */
#pragma once
#include "criu/core/restore.h"

/* files.img and the fdinfo images: every slot has its file, every file its owner. */
int files_load(struct restore *r);
/* Which tasks have something to do at STAGE_FILES, and whether there is a STAGE_CONNECT. */
void files_stages(struct restore *r);
/* The first descriptor number that no task restores. */
int files_first_free(const struct restore *r);
/* In crtool, when all tasks exist. */
int files_create(struct restore *r);
void files_create_done(struct restore *r);
/* When the restore has failed: what files_create() has left outside of the tasks. */
void files_undo(struct restore *r);
/* In crtool: numbers for files that are opened when all threads exist; when they do; at the end. */
int files_late_reserve(struct restore *r);
int files_late(struct restore *r);
/* A round of r->make_rounds: in each task, then in crtool. */
int files_make(struct restore *r, const struct task *t, unsigned int round);
int files_made(struct restore *r, unsigned int round);

/* Nobody has a descriptor of this file, but it is needed while others are opened: t is to own it,
 * as a number that is closed before it runs. Before any load. */
void file_hide(struct restore *r, struct file *f, struct task *t);
/* In task t, or with NULL in crtool, when all owners have opened theirs: a service descriptor.
 * Speaks. */
int file_take(const struct restore *r, const struct task *t, const struct file *f);

/* In the task: open what it owns; then, when all have, take the rest from the owners. */
int files_open(struct restore *r, struct task *t);
int files_connect(struct restore *r, struct task *t);
/* When all have all. */
int files_watch(struct restore *r, struct task *t);
/* In crtool, when all tasks have connected theirs. */
int files_connected(struct restore *r);
/* In crtool, at the end. */
int files_arm(struct restore *r);
/* Root, working directory, umask: the last that needs paths. */
int fs_restore(struct restore *r, const struct task *t);
/* In crtool, before tasks exist: files without a name are made, what several map is opened. */
int files_open_mapped(struct restore *r);
/* The one that all tasks have for that; -1: there is none. */
int mapped_file_fd(const struct restore *r, uint32_t id, uint32_t flags);
/* For a mapping: a service descriptor, which is closed with all of them. */
int mapped_file_open(struct restore *r, uint32_t id, uint32_t flags);
