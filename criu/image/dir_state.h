// SPDX-License-Identifier: GPL-2.0-only
/* The states of a directory that holds a dump, or will; and the ways from one to another. */
#pragma once
#include <stdbool.h>

#define STATE_INVENTORY        "inventory.img"
#define STATE_INVENTORY_STAGED ".crtool-inventory"
#define STATE_NEW              ".crtool-new"
#define STATE_COMMIT           ".crtool-commit"

/*
 * The states of a directory, as its names tell:
 *
 *   inventory.img        a complete dump
 *   images without it    an unfinished dump: garbage, the next writer removes it
 *   .crtool-new/         a dump that is to replace the complete one beside it is being written,
 *                        or its writer died: garbage as well
 *   .crtool-commit/      that dump is complete and takes its place; whoever comes finishes this
 *
 * The inventory is written as .crtool-inventory. Where there is no complete dump, the images are
 * written in place, and the commit is the rename of the inventory. Otherwise it is the rename of
 * .crtool-new to .crtool-commit, and after it, each step repeatable from the top:
 *
 *   .crtool-commit has .crtool-inventory   remove the old images, the inventory first, then
 *                                          rename .crtool-inventory to inventory.img
 *   else                                   move the files up, inventory.img last, then remove
 *                                          the empty .crtool-commit
 *
 * The writer holds flock(2) on the directory.
 */
struct dir_state {
	bool inventory; /* a complete dump */
	bool commit; /* one that is being put in place */
	bool fresh; /* the remains of one that was to replace another */
	bool images; /* any file of a dump */
	bool other; /* anything else */
};

/* All of these are quiet: 0, or -errno. */
int dir_state_read(int dirfd, struct dir_state *ret);

/* The images of a dump; the inventory goes first, so that no half dump looks complete. */
int dir_state_clear(int dirfd);

/* .crtool-new: made, its descriptor is returned; removed with all in it. */
int dir_state_stage(int dirfd);
int dir_state_unstage(int dirfd);

/* Puts the dump in .crtool-commit in place, from any point on at which another was stopped. */
int dir_state_finish(int dirfd);

/* Also true of a link that leads nowhere. */
bool dir_state_has(int dirfd, const char *name);
bool dir_state_has_link(int dirfd, const char *name);
