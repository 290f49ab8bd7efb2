// SPDX-License-Identifier: GPL-2.0-only
/* A dump and those that it builds upon, one behind the other by their `parent` links. */
#pragma once
#include <stdbool.h>
#include <sys/stat.h>

#include "criu/image/dir.h"

struct image_chain;

/* first: the dump itself, level 0; borrowed. */
struct image_chain *image_chain_new(struct image_dir *first);

/*
 * The dump so many levels back, opened when it is asked for the first time; also by several
 * threads. Speaks: one that is missing, unfinished, or not the one that was built upon.
 */
int image_chain_dir(struct image_chain *c, unsigned int level, const struct image_dir **ret);

/* How many there are, itself included: opens all of them. Speaks. */
int image_chain_length(struct image_chain *c, size_t *ret);

/* One of those that are open is that directory. */
bool image_chain_has(const struct image_chain *c, const struct stat *st);

/* Of all that are open: see image_dir_raise_fd(). */
int image_chain_raise_fd(struct image_chain *c, int lowest);

/* NULL is fine; returns NULL. */
struct image_chain *image_chain_free(struct image_chain *c);
