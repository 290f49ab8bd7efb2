// SPDX-License-Identifier: GPL-2.0-only
/* Extended attributes of files that have to be made again: xattr(7), acl(5). */
#pragma once
#include <stddef.h>

#include "criu/base/arena.h"
#include "images/xattr.pb-c.h"

struct xattrs {
	XattrEntry **v;
	size_t nr;
};

/* Of the file behind fd, in the arena. Speaks. */
int xattrs_read(struct arena *a, int fd, struct xattrs *ret);
/* Of an image that nobody vouches for. Speaks. */
int xattrs_check(const struct xattrs *x);
/* A new file may have inherited an access control list: it goes, before the mode is set. */
int xattrs_begin(int fd);
/* When owner and mode are right, which would take some of them away. Speaks. */
int xattrs_set(int fd, const struct xattrs *x);
