// SPDX-License-Identifier: GPL-2.0-only
/* Rings of packet sockets (PACKET_RX_RING, PACKET_TX_RING): what is in them, whose turn it is. */
#pragma once
#include "criu/core/file.h"
#include "criu/core/restore.h"
#include "criu/kernel/nl_diag.h"
#include "criu/kernel/packet_ring.h"

/* A record of an image has 256 MiB at most. */
#define RINGS_MAX (128ull << 20)

/* Of one that is mapped as one: rx, then tx. */
struct rings {
	uint32_t version; /* TPACKET_V* */
	struct packet_ring_config rx, tx; /* blocks 0: there is none */
	uint8_t *data;
	size_t len;
};

/*
 * What was copied to `rings` in the moments after the kernel was at `a` and before it was at `b`
 * becomes what it was at a: frames that came meanwhile are free again. *ret_block: the next block
 * of rx (TPACKET_V3): the one that is being filled is handed over, as by a timeout; -1: nothing
 * has come yet.
 */
void rings_settle(struct rings *rings, const struct packet_position *a,
		  const struct packet_position *b, int64_t *ret_block);

/* Entries of both rings, and what is in them. Blockers are recorded. */
int rings_dump(struct dump *d, const struct fd_probe *p, const struct packet_diag *info,
	       PacketSockEntry *e);

int rings_load(const PacketSockEntry *e);
/* In the owner, of a socket that hears nothing yet. Afterwards it may be bound, to what is of no
 * use, and has a filter that lets nothing pass. */
int rings_restore(int fd, const PacketSockEntry *e);

/* Both of a frame: where it is in the mapping of its ring. */
static inline uint64_t ring_frame_at(const struct packet_ring_config *c, uint32_t nr)
{
	uint32_t per_block = c->block_size / c->frame_size;

	return (uint64_t)(nr / per_block) * c->block_size + nr % per_block * c->frame_size;
}

static inline uint64_t ring_bytes(const struct packet_ring_config *c)
{
	return (uint64_t)c->block_size * c->blocks;
}

/* Who has the frame: what is at the offset that its version has it at. */
uint32_t ring_status(const struct rings *rings, const uint8_t *frame);
void ring_set_status(const struct rings *rings, uint8_t *frame, uint32_t status);

/* packet_move.c: so that the kernel goes on at that frame, or block; rings are mapped. */
int rings_move(int fd, const struct rings *rings, const PacketSockEntry *e);
/* By a filter that lets nothing pass. */
int packet_deafen(int fd);
