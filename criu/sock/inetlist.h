// SPDX-License-Identifier: GPL-2.0-only
/* What only the kernel's lists of sockets tell, looked up by inode number. */
#pragma once
#include "criu/core/dump.h"
#include "criu/kernel/inet_diag.h"
#include "criu/sock/inetaddr.h"

/* Which lists a socket is in: each is read once, when the first of its sockets is met. */
enum inet_list { LIST_TCP_LISTEN, LIST_TCP, LIST_UDP, LIST_UDPLITE, LIST_NR };

struct inet_known {
	uint8_t state, shutdown;
	union inet_addr peer;
	size_t nr_md5;
	const struct inet_md5 *md5;
};

/* NULL: it is in no list, or there is nothing about it that cannot be seen elsewhere. Speaks when
 * the result is negative. */
int inet_list_find(struct dump *d, enum inet_list list, uint64_t ino,
		   const struct inet_known **ret);
