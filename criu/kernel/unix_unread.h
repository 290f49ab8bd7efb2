// SPDX-License-Identifier: GPL-2.0-only
/* What waits in the queue of a unix socket that was not accepted yet, to which no descriptor leads:
 * a BPF iterator reads it, from the socket that is connected to it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "criu/base/arena.h"

#define UNIX_UNREAD_PACKETS 16
#define UNIX_UNREAD_BYTES   16384 /* of all together */

struct unix_unread {
	size_t nr;
	struct {
		uint8_t *data;
		size_t len;
		uint32_t uid, gid; /* of who has sent it */
	} packets[UNIX_UNREAD_PACKETS];
};

/*
 * ino: of the socket that has sent it, of which crtool has a descriptor. 1; 0: it has sent more
 * than that, or descriptors, or urgent data; or -errno.
 */
int unix_unread_read(struct arena *a, uint64_t ino, struct unix_unread *ret);
