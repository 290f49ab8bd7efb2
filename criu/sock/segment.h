// SPDX-License-Identifier: GPL-2.0-only
/* A TCP segment of our own making, as if it had come from the peer. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "criu/net/lock.h"

struct tcp_segment {
	struct net_conn conn; /* of the socket that receives it */
	uint32_t scope; /* interface of a link-local address */
	uint32_t seq, ack;
	uint16_t window;
	bool fin;
};

/* It has the mark of the lock's exception, and never leaves this host. Speaks. */
int tcp_segment_send(const struct tcp_segment *s);
