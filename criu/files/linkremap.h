// SPDX-License-Identifier: GPL-2.0-only
/* --link-remap: files that were deleted under the name they were opened by, and have another. */
#pragma once
#include "criu/core/file.h"

bool link_remap_is(const char *path, const struct stat *st);

/* True when it stands in the way: without --link-remap, or without its directory. */
bool link_remap_blocked(const struct dump *d, const struct fd_probe *p);

/* That the regular file with this id is found by a name that will be made for it. Speaks. */
int link_remap_dump(struct dump *d, const struct fd_probe *p, uint32_t id);

/* When nothing stands in the way: makes the names. Speaks. */
int link_remaps_make(struct dump *d);
/* The dump has come to nothing. */
void link_remaps_undo(struct dump *d);
void link_remaps_done(struct dump *d);

/* The last part of a path is such a name. */
bool link_remap_is_name(const char *path);
