// SPDX-License-Identifier: GPL-2.0-only
/* What a state of TCP says of FINs. */
#pragma once
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>

/* The peer has sent one, and it was received. */
static inline bool tcp_state_got_fin(uint32_t state)
{
	return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/* We have; that of FIN_WAIT2 was acknowledged. */
static inline bool tcp_state_sent_fin(uint32_t state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_LAST_ACK ||
	       state == TCP_CLOSING;
}
