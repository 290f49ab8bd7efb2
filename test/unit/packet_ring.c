// SPDX-License-Identifier: GPL-2.0-only
/* Rings of packet sockets: what came while they were copied, and a block that is handed over. */
#include "criu/sock/packet_ring.h"

#include <linux/if_packet.h>
#include <string.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "test/unit/test.h"

#define BLOCK  4096u
#define FRAME  2048u
#define FRAMES 8u

static const struct packet_ring_config config = {
	.block_size = BLOCK, .blocks = 4, .frame_size = FRAME, .frames = FRAMES
};

static uint8_t *frame_of(const struct rings *r, uint32_t nr)
{
	return r->data + ring_frame_at(&config, nr);
}

static struct tpacket_block_desc *block_of(const struct rings *r, uint32_t nr)
{
	return (void *)(r->data + nr * BLOCK);
}

TEST(packet_ring_frames_that_came_meanwhile)
{
	cleanup_free uint8_t *data = mem_alloc(4 * BLOCK);
	struct rings r = { TPACKET_V2, config, { 0 }, data, 4 * BLOCK };
	struct packet_position a = { .rx_frame = 6, .packets = UINT32_MAX - 1 }, b = a;
	int64_t block;

	for (uint32_t i = 0; i < FRAMES; i++)
		ring_set_status(&r, frame_of(&r, i), TP_STATUS_USER);
	rings_settle(&r, &a, &b, &block);
	for (uint32_t i = 0; i < FRAMES; i++)
		CHECK_INT_EQ(ring_status(&r, frame_of(&r, i)), TP_STATUS_USER);
	b.rx_frame = 1;
	b.packets += 3;
	rings_settle(&r, &a, &b, &block);
	for (uint32_t i = 0; i < FRAMES; i++)
		CHECK_INT_EQ(ring_status(&r, frame_of(&r, i)),
			     i >= 6 || i < 1 ? TP_STATUS_KERNEL : TP_STATUS_USER);
	/* So many that it is where it was. */
	b.rx_frame = 6;
	b.packets = a.packets + FRAMES;
	rings_settle(&r, &a, &b, &block);
	for (uint32_t i = 0; i < FRAMES; i++)
		CHECK_INT_EQ(ring_status(&r, frame_of(&r, i)), TP_STATUS_KERNEL);
}

TEST(packet_ring_frames_that_are_being_sent)
{
	cleanup_free uint8_t *data = mem_alloc(4 * BLOCK);
	struct rings r = { TPACKET_V3, { 0 }, config, data, 4 * BLOCK };
	struct packet_position a = { 0 };
	int64_t block;

	ring_set_status(&r, frame_of(&r, 2), TP_STATUS_SEND_REQUEST);
	ring_set_status(&r, frame_of(&r, 3), TP_STATUS_SENDING);
	rings_settle(&r, &a, &a, &block);
	CHECK_INT_EQ(ring_status(&r, frame_of(&r, 2)), TP_STATUS_SEND_REQUEST);
	CHECK_INT_EQ(ring_status(&r, frame_of(&r, 3)), TP_STATUS_AVAILABLE);
}

/* So many packets of 100 bytes each; the number of bytes that are used. */
static uint32_t packets_put(struct tpacket_block_desc *b, uint32_t nr)
{
	uint32_t at = 48;

	b->hdr.bh1.offset_to_first_pkt = at;
	b->hdr.bh1.num_pkts = nr;
	for (uint32_t i = 0; i < nr; i++, at += 104) {
		struct tpacket3_hdr *h = (void *)((uint8_t *)b + at);

		h->tp_next_offset = 104;
		h->tp_sec = i + 1;
		h->tp_nsec = 10 * i;
	}
	return at;
}

TEST(packet_ring_block_that_is_being_filled)
{
	cleanup_free uint8_t *data = mem_alloc(4 * BLOCK);
	struct rings r = { TPACKET_V3, config, { 0 }, data, 4 * BLOCK };
	struct packet_position a = { .block = 3, .opened = 8 }, b = { .opened = 8 };
	struct tpacket_hdr_v1 *h = &block_of(&r, 3)->hdr.bh1;
	struct tpacket3_hdr *second = (void *)((uint8_t *)block_of(&r, 3) + 48 + 104);
	int64_t block;

	/* Two of three packets were there. */
	a.used = packets_put(block_of(&r, 3), 2);
	packets_put(block_of(&r, 3), 3);
	rings_settle(&r, &a, &b, &block);
	CHECK_INT_EQ(block, 0);
	CHECK_INT_EQ(h->block_status, TP_STATUS_USER | TP_STATUS_BLK_TMO);
	CHECK_INT_EQ(h->num_pkts, 2);
	CHECK_INT_EQ(h->blk_len, a.used);
	CHECK_INT_EQ(h->ts_last_pkt.ts_sec, 2);
	CHECK_INT_EQ(h->ts_last_pkt.ts_nsec, 10);
	CHECK_INT_EQ(second->tp_next_offset, 0);
	/* Nothing was: it stays where it was, and the next two are free again. */
	a.used = 48;
	a.block = 2;
	b.opened = 10;
	for (uint32_t i = 0; i < 4; i++)
		block_of(&r, i)->hdr.bh1.block_status = TP_STATUS_USER;
	packets_put(block_of(&r, 2), 3);
	rings_settle(&r, &a, &b, &block);
	CHECK_INT_EQ(block, 2);
	CHECK_INT_EQ(block_of(&r, 1)->hdr.bh1.block_status, TP_STATUS_USER);
	CHECK_INT_EQ(block_of(&r, 2)->hdr.bh1.block_status, TP_STATUS_KERNEL);
	CHECK_INT_EQ(block_of(&r, 3)->hdr.bh1.block_status, TP_STATUS_KERNEL);
	CHECK_INT_EQ(block_of(&r, 0)->hdr.bh1.block_status, TP_STATUS_KERNEL);
	/* It waits for a block that is not free. */
	a = b = (struct packet_position){ .block = 1, .frozen = true, .opened = 10 };
	rings_settle(&r, &a, &b, &block);
	CHECK_INT_EQ(block, 1);
	CHECK_INT_EQ(block_of(&r, 1)->hdr.bh1.block_status, TP_STATUS_USER);
	/* It is new. */
	packets_put(block_of(&r, 0), 0);
	a = b = (struct packet_position){ .opened = 1, .used = 48 };
	rings_settle(&r, &a, &b, &block);
	CHECK_INT_EQ(block, -1);
}

TEST(packet_ring_block_with_nonsense)
{
	cleanup_free uint8_t *data = mem_alloc(4 * BLOCK);
	struct rings r = { TPACKET_V3, config, { 0 }, data, 4 * BLOCK };
	struct packet_position a = { .block = 1, .opened = 8, .used = UINT32_MAX };
	struct tpacket3_hdr *h = (void *)((uint8_t *)block_of(&r, 1) + 48);
	int64_t block;

	packets_put(block_of(&r, 1), 4);
	rings_settle(&r, &a, &a, &block);
	CHECK_INT_EQ(block, 1);
	h->tp_next_offset = UINT32_MAX;
	a.used = 200;
	rings_settle(&r, &a, &a, &block);
	CHECK_INT_EQ(block, 2);
	CHECK_INT_EQ(block_of(&r, 1)->hdr.bh1.num_pkts, 1);
	block_of(&r, 1)->hdr.bh1.offset_to_first_pkt = UINT32_MAX;
	rings_settle(&r, &a, &a, &block);
	CHECK_INT_EQ(block, 1);
}

static int load_of(uint32_t version, const PacketRing *rx, uint64_t run_at, uint64_t run_len)
{
	PacketSockEntry e = PACKET_SOCK_ENTRY__INIT;
	PacketRun run = PACKET_RUN__INIT, *runs = &run;

	e.version = version;
	e.protocol = 3;
	e.rx_ring = (PacketRing *)(uintptr_t)rx;
	run.offset = run_at;
	run.data.len = run_len;
	e.ring_runs = &runs;
	e.n_ring_runs = run_len ? 1 : 0;
	return rings_load(&e);
}

TEST(packet_ring_images_that_lie)
{
	PacketRing rx = PACKET_RING__INIT;

	rx.block_size = BLOCK;
	rx.block_nr = 4;
	rx.frame_size = FRAME;
	rx.frame_nr = FRAMES;
	rx.has_head = true;
	rx.head = FRAMES - 1;
	CHECK_INT_EQ(load_of(TPACKET_V1, &rx, 3 * BLOCK, BLOCK), 0);
	CHECK(load_of(TPACKET_V1, &rx, 4 * BLOCK, BLOCK) < 0);
	CHECK(load_of(TPACKET_V1, &rx, 1, BLOCK) < 0);
	CHECK(load_of(TPACKET_V1, &rx, -4096ull, 2 * BLOCK) < 0);
	CHECK(load_of(TPACKET_V3, &rx, 0, 0) < 0);
	CHECK(load_of(TPACKET_V3 + 1, &rx, 0, 0) < 0);
	rx.head = FRAMES;
	CHECK(load_of(TPACKET_V2, &rx, 0, 0) < 0);
	rx.head = 0;
	rx.frame_nr++;
	CHECK(load_of(TPACKET_V2, &rx, 0, 0) < 0);
	rx.frame_size = 0;
	CHECK(load_of(TPACKET_V2, &rx, 0, 0) < 0);
	rx.frame_size = FRAME;
	rx.block_nr = UINT32_MAX;
	CHECK(load_of(TPACKET_V2, &rx, 0, 0) < 0);
}
