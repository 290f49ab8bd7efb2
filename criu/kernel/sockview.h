// SPDX-License-Identifier: GPL-2.0-only
/*
 * What decides the options of a TCP socket over IPv4, as a BPF iterator sees it in the kernel. None
 * of it is understood: it is only compared.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SOCKVIEW_BYTES 208

/* The same state: getsockopt(2) has the same answers, to all that is said below. */
struct sockview_socket {
	uint64_t fd; /* of crtool's */
	uint8_t state[SOCKVIEW_BYTES];
};

/* Zero-initialise. */
struct sockview {
	struct sockview_socket *v; /* by number; owned */
	size_t nr, cap;
};

/*
 * All that crtool has open: of what is no TCP socket over IPv4 it is nonsense. Those options of
 * SOL_SOCKET, IPPROTO_IP and IPPROTO_TCP are covered that a connection can have, but the sizes of
 * buffers (SO_SNDBUF, SO_RCVBUF), which change all the time, SO_ERROR, and what TCP_INFO and
 * TCP_REPAIR show. 0, or -errno where this kernel or crtool's capabilities do not allow it.
 */
int sockview_read(struct sockview *ret);
/* NULL: it is not open. */
const struct sockview_socket *sockview_find(const struct sockview *v, int fd);
void sockview_done(struct sockview *v);

#define cleanup_sockview __attribute__((cleanup(sockview_done)))
