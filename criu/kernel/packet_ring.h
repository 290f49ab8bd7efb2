// SPDX-License-Identifier: GPL-2.0-only
/* Where the kernel goes on in the rings of a packet socket (Documentation/networking/packet_mmap):
 * shown nowhere, so a BPF iterator reads it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct packet_position {
	uint32_t rx_frame, tx_frame; /* the next frames; rx: of TPACKET_V1 and V2 */
	uint32_t packets; /* counts those that were put into the ring */
	/* TPACKET_V3, rx: */
	uint32_t block; /* that is being filled; or, frozen, that has to be free first */
	bool frozen;
	uint64_t opened; /* how many blocks have been begun with */
	uint32_t used; /* bytes of the block, unless it is frozen */
	bool tx_has_off; /* PACKET_TX_HAS_OFF, where the kernel is of 6.4 or later */
};

/* What reads it: a descriptor, or -errno. */
int packet_position_open(void);
/* ino: of a socket that crtool has a descriptor of. 1, 0: there is none, or -errno. */
int packet_position_read(int reader, uint64_t ino, struct packet_position *ret);
