// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel's list of unix sockets says of one: sock_diag(7), net/unix/diag.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "criu/kernel/nlsock.h"

#define UNIX_NAME_MAX 109 /* sun_path, and a NUL behind a path that fills it */

struct unix_diag {
	uint32_t ino; /* 0: no descriptor leads there: not accepted, or closed with data left */
	int type; /* SOCK_* */
	int state; /* TCP_ESTABLISHED 1, TCP_CLOSE 7, TCP_LISTEN 10 */
	uint8_t shutdown; /* 1 for reading, 2 for writing */
	bool has_peer;
	uint32_t peer; /* 0: closed, or not accepted yet */
	size_t name_len; /* 0: not bound */
	uint8_t name[UNIX_NAME_MAX];
	bool has_file; /* bound to a path; of a socket of today's, or of one that is deleted */
	uint32_t file_ino, file_dev; /* device as the kernel has it: new_decode_dev() */
	/* To be read: bytes, of a datagram socket those of the first packet; connections, where
	 * it listens, that wait to be accepted. */
	uint32_t queued;
	/* Memory that what it has sent takes; where it listens, how many may wait. */
	uint32_t sent;
	/* Where it listens: who has connected and was not accepted yet, in that order, as numbers
	 * in the message; 0: has been closed since. */
	const uint32_t *pending;
	size_t nr_pending;
};

/* 0, or -EBADMSG. */
int unix_diag_parse(const struct nlmsghdr *h, struct unix_diag *ret);

/* Each unix socket of the network namespace: *u is valid until fn returns. Less than 0 ends it. */
typedef int unix_diag_fn(const struct unix_diag *u, void *ctx);
int unix_diag_each(unix_diag_fn *fn, void *ctx);
