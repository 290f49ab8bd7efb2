// SPDX-License-Identifier: GPL-2.0-only
/* Files that have no name any more: deleted, or made without one (O_TMPFILE). */
#pragma once
#include "criu/core/file.h"
#include "images/ghost.pb-c.h"

/* Such a file, and one that could have had the name: not memfd and the like. */
bool ghost_is(const char *path, const struct stat *st);

/* The name that it had, in the arena; of other files the name that they have. */
char *ghost_name(struct arena *a, const char *link, const struct stat *st);

/* It never had a name: the kernel calls it by its inode. */
bool ghost_is_nameless(const char *link, const struct stat *st);

/*
 * The contents of the file behind fd, once for all that have it open, and that the regular file
 * with this id is found there. A file above --ghost-limit becomes a blocker: who names whoever
 * has it. Speaks.
 */
int ghost_dump(struct dump *d, uint32_t id, const char *who, const char *path, int fd,
	       const struct stat *st);
/* remap-fpath.img: how the regular file with this id is found. Speaks. */
int remap_write(struct dump *d, uint32_t id, uint32_t remap, RemapType type);
int ghosts_dump_end(struct dump *d);

/* remap-fpath.img: before files are checked. */
int ghosts_load(struct restore *r);
/* In crtool: makes all of them, without a name, before the first fork. */
int ghosts_make(struct restore *r);
/* The restore is complete: names that the dump has made are not needed any more. */
void ghosts_unlink(const struct restore *r);
void ghosts_done(struct restore *r);
/* NULL: the file has a name. */
const struct ghost *ghost_of(const struct restore *r, uint32_t id);
/* Of a descriptor that all tasks have: "/proc/self/fd/250". */
void ghost_path(const struct ghost *g, char *buf, size_t size);
