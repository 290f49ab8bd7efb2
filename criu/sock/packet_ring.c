// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings that a packet socket shares with who has it mapped. Whose turn it is with a frame, or a
 * block of them, stands in the frame. Where the kernel goes on it alone knows: a BPF iterator tells
 * (kernel/packet_ring.h), and packet_move.c gets it there again.
 *
 * Packets come in while the tree stands still. So the place is read before the rings are copied,
 * and after that, and what has come between is taken out of the copy. Nothing is changed in the
 * rings themselves.
 */
#include "criu/sock/packet_ring.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/files/table.h"
#include "criu/kernel/syscalls.h"

/* --- what is in them --------------------------------------------------------------- */

static size_t status_at(const struct rings *rings)
{
	return rings->version == TPACKET_V3 ? offsetof(struct tpacket3_hdr, tp_status) : 0;
}

/* TPACKET_V1 has a long; of other bits than these there are none. */
uint32_t ring_status(const struct rings *rings, const uint8_t *frame)
{
	return __atomic_load_n((const uint32_t *)(const void *)(frame + status_at(rings)),
			       __ATOMIC_ACQUIRE);
}

/* After all else that is written to the frame. */
void ring_set_status(const struct rings *rings, uint8_t *frame, uint32_t status)
{
	volatile uint32_t *at = (uint32_t *)(void *)(frame + status_at(rings));

	__atomic_thread_fence(__ATOMIC_RELEASE);
	*at = status;
}

static void frames_settle(struct rings *rings, uint32_t from, uint32_t came)
{
	for (uint32_t i = 0; i < came && i < rings->rx.frames; i++) {
		uint32_t nr = (from + i) % rings->rx.frames;

		ring_set_status(rings, rings->data + ring_frame_at(&rings->rx, nr),
				TP_STATUS_KERNEL);
	}
}

/* The last packet of so many bytes of a block, and how many packets that is; NULL: none. */
static struct tpacket3_hdr *packets_walk(const struct rings *rings,
					 struct tpacket_block_desc *block, uint32_t used,
					 uint32_t *ret_nr)
{
	uint64_t at = block->hdr.bh1.offset_to_first_pkt;
	struct tpacket3_hdr *last = NULL;

	*ret_nr = 0;
	while (at >= sizeof(*block) && at < used && used <= rings->rx.block_size &&
	       at + sizeof(*last) <= rings->rx.block_size) {
		last = (void *)((uint8_t *)block + at);
		++*ret_nr;
		if (!last->tp_next_offset)
			break;
		at += last->tp_next_offset;
	}
	return last;
}

/* As if the time were over after which the kernel hands over what is in a block. */
static bool block_close(struct rings *rings, struct tpacket_block_desc *block, uint32_t used)
{
	struct tpacket_hdr_v1 *h = &block->hdr.bh1;
	uint32_t nr;
	struct tpacket3_hdr *last = packets_walk(rings, block, used, &nr);

	h->block_status = last ? TP_STATUS_USER | TP_STATUS_BLK_TMO : TP_STATUS_KERNEL;
	if (!last)
		return false;
	h->num_pkts = nr;
	h->blk_len = used;
	h->ts_last_pkt.ts_sec = last->tp_sec;
	h->ts_last_pkt.ts_nsec = last->tp_nsec;
	last->tp_next_offset = 0;
	return true;
}

static void blocks_settle(struct rings *rings, const struct packet_position *a,
			  const struct packet_position *b, int64_t *ret_block)
{
	uint32_t nr = rings->rx.blocks, next = a->frozen ? a->block : (a->block + 1) % nr;
	uint64_t came = b->opened - a->opened;
	struct tpacket_block_desc *block =
	    (void *)(rings->data + (uint64_t)a->block * rings->rx.block_size);

	for (uint64_t i = 0; i < came && i < nr; i++) {
		uint64_t at = (next + i) % nr * rings->rx.block_size;

		((struct tpacket_block_desc *)(void *)(rings->data + at))->hdr.bh1.block_status =
		    TP_STATUS_KERNEL;
	}
	if (a->frozen)
		*ret_block = a->block;
	else if (block_close(rings, block, a->used))
		*ret_block = (a->block + 1) % nr;
	else
		*ret_block = a->opened > 1 ? (int64_t)a->block : -1;
}

/* What was on its way has been sent when the tree is back. */
static void sent_settle(struct rings *rings)
{
	for (uint32_t i = 0; i < rings->tx.frames; i++) {
		uint8_t *frame =
		    rings->data + ring_bytes(&rings->rx) + ring_frame_at(&rings->tx, i);

		if (ring_status(rings, frame) & TP_STATUS_SENDING)
			ring_set_status(rings, frame, TP_STATUS_AVAILABLE);
	}
}

void rings_settle(struct rings *rings, const struct packet_position *a,
		  const struct packet_position *b, int64_t *ret_block)
{
	*ret_block = -1;
	if (rings->rx.blocks && rings->version == TPACKET_V3)
		blocks_settle(rings, a, b, ret_block);
	else if (rings->rx.blocks)
		frames_settle(rings, a->rx_frame, b->packets - a->packets);
	if (rings->tx.blocks)
		sent_settle(rings);
}

/* --- dump -------------------------------------------------------------------------- */

static int rings_block(const struct fd_probe *p, const char *hint, const char *what,
		       const char *why)
{
	char name[64];

	blocker(hint, "%s: %s: a packet socket with rings %s%s",
		fd_probe_name(p, name, sizeof(name)), p->link, what, why);
	return 0;
}

static PacketRing *ring_entry(struct dump *d, const struct packet_ring_config *c, int64_t head)
{
	PacketRing *e = arena_message(&d->arena, PacketRing, PACKET_RING__INIT);

	e->block_size = c->block_size;
	e->block_nr = c->blocks;
	e->frame_size = c->frame_size;
	e->frame_nr = c->frames;
	e->retire_tmo = c->retire_ms;
	e->sizeof_priv = c->private_bytes;
	e->features = c->features;
	e->has_head = head >= 0;
	e->head = e->has_head ? (uint32_t)head : 0;
	return e;
}

static bool page_is_zero(const uint8_t *page)
{
	return !*page && !memcmp(page, page + 1, PAGE_BYTES - 1);
}

static void runs_add(struct dump *d, const struct rings *rings, PacketSockEntry *e)
{
	size_t pages = rings->len / PAGE_BYTES, to;

	e->ring_runs = arena_array(&d->arena, PacketRun *, pages);
	for (size_t i = 0; i < pages; i = to) {
		bool zero = page_is_zero(rings->data + i * PAGE_BYTES);
		PacketRun *run;

		for (to = i + 1; to < pages && page_is_zero(rings->data + to * PAGE_BYTES) == zero;)
			to++;
		if (zero)
			continue;
		run = arena_message(&d->arena, PacketRun, PACKET_RUN__INIT);
		run->offset = i * PAGE_BYTES;
		run->data.len = (to - i) * PAGE_BYTES;
		run->data.data = arena_dup(&d->arena, rings->data + run->offset, run->data.len);
		e->ring_runs[e->n_ring_runs++] = run;
	}
}

/* Who was about to put a packet into a place before `a` has done so after the barrier: packets
 * are received by readers of RCU. 1, 0 or -errno as packet_position_read(). */
static int rings_copy(const struct fd_probe *p, const void *from, struct rings *rings,
		      struct packet_position *a, struct packet_position *b)
{
	cleanup_close int reader = packet_position_open();
	int r = reader < 0 ? reader : packet_position_read(reader, p->st.st_ino, a);

	if (r <= 0)
		return r;
	sys_membarrier(MEMBARRIER_CMD_GLOBAL, 0, 0);
	memcpy(rings->data, from, rings->len);
	return packet_position_read(reader, p->st.st_ino, b);
}

/* For whoever has it mapped. */
static void rings_note(struct dump *d, const struct fd_probe *p, size_t len)
{
	struct mapped_socket *m = arena_alloc(&d->arena, sizeof(*m));

	*m = (struct mapped_socket){ p->id, len };
	map_put(&d->mapped_sockets, p->st.st_ino, m);
}

/* from: where crtool has them mapped. */
static int rings_keep(struct dump *d, const struct fd_probe *p, struct rings *rings,
		      const void *from, PacketSockEntry *e)
{
	cleanup_free uint8_t *data = mem_alloc(rings->len);
	struct packet_position a = { 0 }, b = { 0 };
	int64_t block;
	int r;

	rings->data = data;
	r = rings_copy(p, from, rings, &a, &b);
	if (r <= 0)
		return rings_block(
		    p, "this needs Linux 5.8 with BTF, CAP_BPF and CAP_PERFMON",
		    "where the kernel is in them cannot be read: ", strerror(r ? -r : ENOENT));
	rings_settle(rings, &a, &b, &block);
	if (rings->rx.blocks)
		e->rx_ring =
		    ring_entry(d, &rings->rx, rings->version == TPACKET_V3 ? block : a.rx_frame);
	if (rings->tx.blocks)
		e->tx_ring = ring_entry(d, &rings->tx, a.tx_frame);
	e->has_tx_has_off = e->tx_has_off = a.tx_has_off;
	runs_add(d, rings, e);
	return 0;
}

int rings_dump(struct dump *d, const struct fd_probe *p, const struct packet_diag *info,
	       PacketSockEntry *e)
{
	struct rings rings = { info->version, info->rx, info->tx, NULL, 0 };
	void *from;
	int r;

	rings.len = ring_bytes(&rings.rx) + ring_bytes(&rings.tx);
	if (!rings.len)
		return 0;
	rings_note(d, p, rings.len);
	if (rings.len > RINGS_MAX)
		return rings_block(p, NULL, "of more than 128 MiB, which cannot be kept", "");
	from = mmap(NULL, rings.len, PROT_READ, MAP_SHARED, p->lfd, 0);
	if (from == MAP_FAILED)
		return fail(errno, "map the rings of a packet socket");
	r = rings_keep(d, p, &rings, from, e);
	munmap(from, rings.len);
	return r;
}

/* --- restore ------------------------------------------------------------------------ */

static struct packet_ring_config config_of(const PacketRing *e)
{
	return e ? (struct packet_ring_config){ e->block_size, e->block_nr,   e->frame_size,
						e->frame_nr,   e->retire_tmo, e->sizeof_priv,
						e->features }
		 : (struct packet_ring_config){ 0 };
}

static struct rings rings_of(const PacketSockEntry *e)
{
	struct rings r = { e->version, config_of(e->rx_ring), config_of(e->tx_ring), NULL, 0 };

	r.len = ring_bytes(&r.rx) + ring_bytes(&r.tx);
	return r;
}

static int ring_load(const PacketRing *e, bool has_blocks)
{
	struct packet_ring_config c = config_of(e);

	if (!e)
		return 0;
	if (!c.blocks || !c.block_size || c.block_size & PAGE_REST || ring_bytes(&c) > RINGS_MAX)
		return fail_plain("a ring of %u blocks of %u bytes", c.blocks, c.block_size);
	if (c.frame_size < sizeof(struct tpacket3_hdr) || c.frame_size > c.block_size ||
	    c.frame_size % TPACKET_ALIGNMENT ||
	    c.frames != (uint64_t)c.blocks * (c.block_size / c.frame_size))
		return fail_plain("a ring of %u frames of %u bytes", c.frames, c.frame_size);
	if (e->has_head && e->head >= (has_blocks ? c.blocks : c.frames))
		return fail_plain("a ring whose next frame or block is %u", e->head);
	return 0;
}

int rings_load(const PacketSockEntry *e)
{
	struct rings rings = rings_of(e);
	int r = ring_load(e->rx_ring, e->version == TPACKET_V3);

	if (r >= 0)
		r = ring_load(e->tx_ring, false);
	if (r >= 0 && rings.len && e->version > TPACKET_V3)
		r = fail_plain("rings of version %u", e->version);
	/* Once bound to a protocol, always bound to one. */
	if (r >= 0 && e->rx_ring && e->rx_ring->head && !e->protocol)
		r = fail_plain("a ring that has been used by a socket without a protocol");
	if (r >= 0 && rings.len > RINGS_MAX)
		r = fail_plain("rings of %zu bytes", rings.len);
	for (size_t i = 0; i < e->n_ring_runs && r >= 0; i++) {
		uint64_t at = e->ring_runs[i]->offset, len = e->ring_runs[i]->data.len;

		if ((at | len) & PAGE_REST || at > rings.len || len > rings.len - at)
			r = fail_plain("rings of %zu bytes with %llu bytes at %llu", rings.len,
				       (unsigned long long)len, (unsigned long long)at);
	}
	return r;
}

static int ring_set(int fd, int name, const char *text, const PacketRing *e)
{
	struct tpacket_req3 req;

	if (!e)
		return 0;
	req = (struct tpacket_req3){
		.tp_block_size = e->block_size,
		.tp_block_nr = e->block_nr,
		.tp_frame_size = e->frame_size,
		.tp_frame_nr = e->frame_nr,
		.tp_retire_blk_tov = e->retire_tmo,
		.tp_sizeof_priv = e->sizeof_priv,
		.tp_feature_req_word = e->features,
	};
	if (setsockopt(fd, SOL_PACKET, name, &req, sizeof(req)) < 0)
		return fail(errno, "%s of %u blocks of %u bytes", text, e->block_nr, e->block_size);
	return 0;
}

static int rings_make(int fd, const PacketSockEntry *e)
{
	const int on = 1, none = 0;
	int r;

	/* What comes until rings_move() is done is not for the queue. */
	if (setsockopt(fd, SOL_PACKET, PACKET_COPY_THRESH, &none, sizeof(none)) < 0)
		return fail(errno, "PACKET_COPY_THRESH 0");
	if (e->tx_has_off && setsockopt(fd, SOL_PACKET, PACKET_TX_HAS_OFF, &on, sizeof(on)) < 0)
		return fail(errno, "PACKET_TX_HAS_OFF");
	r = ring_set(fd, PACKET_RX_RING, "PACKET_RX_RING", e->rx_ring);
	return r < 0 ? r : ring_set(fd, PACKET_TX_RING, "PACKET_TX_RING", e->tx_ring);
}

static void copy_around(uint8_t *to, const uint8_t *from, size_t len, size_t at, size_t skipped)
{
	memcpy(to, from, at);
	memcpy(to + at + skipped, from + at + skipped, len - at - skipped);
}

/*
 * The header of the block at which the kernel is, is the kernel's. Where it has been moved there,
 * it waits for the block to become free, and then begins with it: so that comes last. Where it
 * was not, it has begun with it already.
 */
static void blocks_fill(struct rings *rings, const uint8_t *from, const PacketRing *rx)
{
	size_t at = rx->has_head ? (size_t)rx->head * rx->block_size : 0;
	struct tpacket_block_desc *to = (void *)(rings->data + at);
	const struct tpacket_block_desc *is = (const void *)(from + at);

	copy_around(rings->data, from, rings->len, at, sizeof(*to));
	if (!rx->has_head)
		return;
	to->version = is->version;
	to->offset_to_priv = is->offset_to_priv;
	copy_around((void *)&to->hdr, (const void *)&is->hdr, sizeof(to->hdr),
		    offsetof(struct tpacket_hdr_v1, block_status), sizeof(uint32_t));
	__atomic_store_n(&to->hdr.bh1.block_status, is->hdr.bh1.block_status, __ATOMIC_RELEASE);
}

static void rings_fill(struct rings *rings, const PacketSockEntry *e)
{
	cleanup_free uint8_t *from = mem_alloc(rings->len);

	for (size_t i = 0; i < e->n_ring_runs; i++)
		memcpy(from + e->ring_runs[i]->offset, e->ring_runs[i]->data.data,
		       e->ring_runs[i]->data.len);
	if (e->rx_ring && rings->version == TPACKET_V3)
		blocks_fill(rings, from, e->rx_ring);
	else
		memcpy(rings->data, from, rings->len);
}

int rings_restore(int fd, const PacketSockEntry *e)
{
	struct rings rings = rings_of(e);
	int r;

	if (!rings.len)
		return 0;
	r = rings_make(fd, e);
	if (r < 0)
		return r;
	rings.data = mmap(NULL, rings.len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rings.data == MAP_FAILED)
		return fail(errno, "map the rings");
	r = rings_move(fd, &rings, e);
	if (r >= 0)
		rings_fill(&rings, e);
	munmap(rings.data, rings.len);
	if (r >= 0 && setsockopt(fd, SOL_PACKET, PACKET_COPY_THRESH, &e->copy_thresh,
				 sizeof(e->copy_thresh)) < 0)
		r = fail(errno, "PACKET_COPY_THRESH %u", e->copy_thresh);
	return r;
}
