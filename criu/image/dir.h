// SPDX-License-Identifier: GPL-2.0-only
/* A directory that holds a dump: complete with inventory.img, or not a dump at all. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "images/table.h"

struct image_dir;

/*
 * All functions here speak: 0 (or as said), or a negative value with an error recorded that
 * names the directory and the cause.
 */

/* A complete dump, to read. Finishes the replacement of a dump that was interrupted. */
int image_dir_open(const char *path, struct image_dir **ret);

/*
 * The previous dump of a chain (the `parent` link), to read pages from: it need not be complete,
 * as a page server leaves it. 1: opened, 0: there is none.
 */
int image_dir_open_parent(const struct image_dir *d, struct image_dir **ret);

/*
 * An existing directory, for a new dump. One process at a time. A complete dump in it stays as
 * it is until image_dir_commit(), the remains of an unfinished one are removed.
 */
int image_dir_create(const char *path, struct image_dir **ret);

/* Whatever is written there is gone: for a dump that is only tried. */
int image_dir_nowhere(struct image_dir **ret);
/* So that long contents need not be read at all. */
bool image_dir_is_nowhere(const struct image_dir *d);

/*
 * A directory to add files to that somebody else owns: the work directory, or a page server's.
 * Takes no lock, removes nothing, and a file that is there is replaced.
 */
int image_dir_join(const char *path, struct image_dir **ret);

/* The link to the previous dump, relative to the directory of this one. */
int image_dir_set_parent(struct image_dir *d, const char *target);

/*
 * Between this dump, which is being written, and its previous one: another, in a directory of its
 * own inside. It is written, committed and freed like any other; and gone if this one is abandoned.
 * 1: made, or 0: the name is taken.
 */
int image_dir_create_ahead(struct image_dir *d, struct image_dir **ret);

/*
 * The dump is complete: all writers are closed, the inventory among them. From here on it is
 * what a reader sees, and it replaces the dump that was here. Call it once.
 */
int image_dir_commit(struct image_dir *d);

/* In a directory that was joined: the inventory that was just written takes the place of the one
 * that is there. */
int image_dir_renew_inventory(struct image_dir *d);

/*
 * NULL is fine; returns NULL. A created directory that was not committed loses everything that
 * was written to it, and a dump that was there before is untouched.
 */
struct image_dir *image_dir_free(struct image_dir *d);

/* Where images are read and written; while a dump is being replaced, not the path itself. */
int image_dir_fd(const struct image_dir *d);

/* Move its descriptors to `lowest` or above: what a task restores may have the low numbers. */
int image_dir_raise_fd(struct image_dir *d, int lowest);

/* As the caller gave it, for messages. */
const char *image_dir_path(const struct image_dir *d);

/*
 * Below reader.h and writer.h: the file of an image. Regular files only, symbolic links are not
 * followed. open: 1 and *ret_fd (O_RDONLY), or 0: there is none. create: a descriptor (O_RDWR).
 */
int image_dir_open_file(const struct image_dir *d, enum image_kind kind, uint64_t id, int *ret_fd,
			uint64_t *ret_size);
/* 1 and *ret_size, or 0: there is none. */
int image_dir_stat_file(const struct image_dir *d, enum image_kind kind, uint64_t id,
			uint64_t *ret_size);
int image_dir_create_file(struct image_dir *d, enum image_kind kind, uint64_t id);
