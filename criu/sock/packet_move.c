// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel begins at the first frame of a new ring, and nobody can set where it goes on. So it is
 * sent there: as many frames as it takes go over the loopback, of a type that nobody uses
 * (IEEE 802: for experiments), which only this socket takes, by a filter, and nothing else. Whoever
 * listens to all that is on the loopback sees them.
 *
 * Blocks (TPACKET_V3) are filled until the kernel comes to the one that is wanted, which is not
 * free: it stops there, and will begin with it when it is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/membarrier.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/syscalls.h"
#include "criu/sock/packet_ring.h"

#define LOOPBACK_INDEX 1
#define FRAME_TYPE     0x88b5
#define FRAME_MIN      68
#define FRAME_MAX      60000
#define WAIT_MS        10000
#define TX_BYTES       4

struct frame {
	struct ether_header head;
	uint32_t token[2];
	uint8_t rest[FRAME_MAX - 22];
} __attribute__((packed));

struct mover {
	int fd, out; /* the socket; one that sends */
	size_t len; /* of a frame */
	struct frame frame;
};

static struct sockaddr_ll loopback(uint16_t protocol)
{
	return (struct sockaddr_ll){ .sll_family = AF_PACKET,
				     .sll_protocol = htons(protocol),
				     .sll_ifindex = LOOPBACK_INDEX };
}

static int loopback_look(int fd, size_t *ret_frame)
{
	struct ifreq ifr = { .ifr_ifindex = LOOPBACK_INDEX };

	if (ioctl(fd, SIOCGIFNAME, &ifr) < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return fail(errno, "the loopback interface");
	if (!(ifr.ifr_flags & IFF_UP))
		return fail_hint(fail(ENETDOWN, "rings are filled through %s", ifr.ifr_name),
				 "bring it up (ip link set lo up) and try again");
	if (ioctl(fd, SIOCGIFMTU, &ifr) < 0)
		return fail(errno, "SIOCGIFMTU");
	*ret_frame = ifr.ifr_mtu < FRAME_MIN   ? FRAME_MIN
		     : ifr.ifr_mtu > FRAME_MAX ? FRAME_MAX
					       : (size_t)ifr.ifr_mtu;
	return 0;
}

/* Only frames with our token. */
static int filter_set(int fd, const uint32_t *token)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(token[0]), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(token[1]), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0)
		return fail(errno, "SO_ATTACH_FILTER");
	return 0;
}

int packet_deafen(int fd)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0)
		return fail(errno, "SO_ATTACH_FILTER");
	return 0;
}

static int frame_send(struct mover *m)
{
	struct sockaddr_ll to = loopback(FRAME_TYPE);

	if (sendto(m->out, &m->frame, m->len, 0, (void *)&to, sizeof(to)) < 0)
		return fail(errno, "send a frame over the loopback");
	return 0;
}

/* poll(2) tells of the frame before the one that is next. */
static int frames_move(struct mover *m, const struct rings *rings, uint32_t head)
{
	m->len = sizeof(struct ether_header) + sizeof(m->frame.token);
	for (uint32_t i = 0; i < head; i++) {
		struct pollfd p = { .fd = m->fd, .events = POLLIN };
		int r = frame_send(m);

		if (r < 0)
			return r;
		do {
			r = poll(&p, 1, WAIT_MS);
		} while (r < 0 && errno == EINTR);
		if (r <= 0)
			return fail(r ? errno : ETIMEDOUT, "frame %u of %u of the ring", i, head);
		ring_set_status(rings, rings->data + ring_frame_at(&rings->rx, i),
				TP_STATUS_KERNEL);
	}
	return 0;
}

/* 1: the kernel waits for a block. Its counters begin anew. */
static int is_frozen(int fd)
{
	struct tpacket_stats_v3 st = { 0 };
	socklen_t len = sizeof(st);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len) < 0)
		return fail(errno, "PACKET_STATISTICS");
	return st.tp_freeze_q_cnt > 0;
}

static int blocks_move(struct mover *m, const struct rings *rings, uint32_t head, size_t frame)
{
	struct tpacket_block_desc *wanted =
	    (void *)(rings->data + (size_t)head * rings->rx.block_size);
	uint64_t most = rings->rx.blocks * (rings->rx.block_size / frame + 2ull);
	int r = 0;

	m->len = frame;
	/* The first one is being filled already, and not free when the others are full. */
	if (head)
		wanted->hdr.bh1.block_status = TP_STATUS_USER;
	for (uint64_t i = 0; i < most && !r; i++) {
		r = frame_send(m);
		if (r >= 0)
			r = is_frozen(m->fd);
	}
	for (unsigned int i = 0; i < WAIT_MS && !r; i++) {
		poll(NULL, 0, 1);
		r = is_frozen(m->fd);
	}
	return r ? r : fail(ETIMEDOUT, "block %u of the ring", head);
}

static int rx_fill(struct mover *m, const struct rings *rings, const PacketRing *rx, size_t frame)
{
	struct sockaddr_ll on = loopback(FRAME_TYPE);
	const int bypass = 1;
	uint32_t token[2];
	int r;

	if (getrandom(token, sizeof(token), 0) != (ssize_t)sizeof(token))
		return fail(errno, "getrandom");
	memcpy(m->frame.token, token, sizeof(token));
	m->frame.head.ether_type = htons(FRAME_TYPE);
	r = filter_set(m->fd, token);
	if (r < 0)
		return r;
	if (bind(m->fd, (void *)&on, sizeof(on)) < 0)
		return fail(errno, "bind to the loopback");
	m->out = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (m->out < 0 ||
	    setsockopt(m->out, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)) < 0)
		return fail(errno, "packet socket");
	return rings->version == TPACKET_V3 ? blocks_move(m, rings, rx->head, frame)
					    : frames_move(m, rings, rx->head);
}

/* Who was about to receive a frame has done so after the barrier: it is a reader of RCU. */
static int rx_leave(int fd)
{
	int r = packet_deafen(fd);

	sys_membarrier(MEMBARRIER_CMD_GLOBAL, 0, 0);
	return r < 0 ? r : is_frozen(fd);
}

static int rx_move(int fd, const struct rings *rings, const PacketRing *rx, size_t frame)
{
	cleanup_free struct mover *m = mem_alloc(sizeof(*m));
	int r;

	*m = (struct mover){ .fd = fd, .out = -1 };
	r = rx_fill(m, rings, rx, frame);
	if (m->out >= 0)
		close(m->out);
	return r < 0 ? r : rx_leave(fd);
}

/* --- tx ----------------------------------------------------------------------------- */

/* Of any version: length, where the data is, whose turn it is. */
static void tx_write(const struct rings *rings, uint8_t *frame, uint32_t len, size_t at,
		     const struct ether_header *head, size_t vnet)
{
	if (rings->version == TPACKET_V1) {
		struct tpacket_hdr *h = (void *)frame;

		h->tp_len = len;
		h->tp_mac = h->tp_net = (unsigned short)at;
	} else if (rings->version == TPACKET_V2) {
		struct tpacket2_hdr *h = (void *)frame;

		h->tp_len = len;
		h->tp_mac = h->tp_net = (uint16_t)at;
	} else {
		struct tpacket3_hdr *h = (void *)frame;

		h->tp_len = len;
		h->tp_mac = h->tp_net = (uint16_t)at;
	}
	if (head)
		memcpy(frame + at + vnet, head, sizeof(*head));
	ring_set_status(rings, frame, TP_STATUS_SEND_REQUEST);
}

static size_t header_bytes(uint32_t version)
{
	return version == TPACKET_V1   ? TPACKET_ALIGN(sizeof(struct tpacket_hdr))
	       : version == TPACKET_V2 ? TPACKET_ALIGN(sizeof(struct tpacket2_hdr))
				       : TPACKET_ALIGN(sizeof(struct tpacket3_hdr));
}

static int tx_move(int fd, const struct rings *rings, const PacketSockEntry *e)
{
	const struct ether_header head = { .ether_type = htons(FRAME_TYPE) };
	struct sockaddr_ll to = loopback(FRAME_TYPE);
	bool raw = e->type == SOCK_RAW;
	size_t vnet = e->vnet_hdr_size ? e->vnet_hdr_size : e->vnet_hdr ? 10 : 0;
	size_t len = vnet + (raw ? sizeof(head) : 0) + TX_BYTES, at = header_bytes(e->version);
	uint8_t *ring = rings->data + ring_bytes(&rings->rx);

	if (at + len > rings->tx.frame_size)
		return fail_plain("a ring of frames of %u bytes", rings->tx.frame_size);
	for (uint32_t i = 0; i < e->tx_ring->head; i++)
		tx_write(rings, ring + ring_frame_at(&rings->tx, i), (uint32_t)len, at,
			 raw ? &head : NULL, vnet);
	if (sendto(fd, NULL, 0, 0, (void *)&to, sizeof(to)) < 0)
		return fail(errno, "send %u frames over the loopback", e->tx_ring->head);
	for (uint32_t i = 0; i < e->tx_ring->head; i++)
		if (ring_status(rings, ring + ring_frame_at(&rings->tx, i)) &
		    (TP_STATUS_SEND_REQUEST | TP_STATUS_SENDING | TP_STATUS_WRONG_FORMAT))
			return fail_plain("frame %u of %u of the ring was not sent", i,
					  e->tx_ring->head);
	return 0;
}

int rings_move(int fd, const struct rings *rings, const PacketSockEntry *e)
{
	bool rx = e->rx_ring && e->rx_ring->has_head &&
		  (e->rx_ring->head || rings->version == TPACKET_V3);
	bool tx = e->tx_ring && e->tx_ring->has_head && e->tx_ring->head;
	size_t frame = FRAME_MIN;
	int r = rx || tx ? loopback_look(fd, &frame) : 0;

	if (r >= 0 && tx)
		r = tx_move(fd, rings, e);
	if (r >= 0 && rx)
		r = rx_move(fd, rings, e->rx_ring, frame);
	return r;
}
