// SPDX-License-Identifier: GPL-2.0-only
/*
 * What dumps leave on this host for a restore: found by what they have written into the images
 * (core/left.h). A kind of it is a row in gc.c: a name, how to look for it, how to remove it.
 */
#pragma once
#include "criu/core/session.h"

struct left_list;

/* The command. */
int gc_run(struct session *s, int *ret_status);

/*
 * Before a dump into `path`: what an unfinished dump there has left is removed, for nothing would
 * find it later. What a complete one has left is in the list, to be removed when the new dump has
 * taken its place.
 */
int gc_before_dump(const char *path, struct left_list **ret);
int gc_replaced(const struct left_list *l);
void left_list_free(struct left_list *l);
