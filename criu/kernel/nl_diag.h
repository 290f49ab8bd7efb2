// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel's lists of netlink and packet sockets say of one: sock_diag(7). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "criu/kernel/nlsock.h"

/* net/netlink/diag.c */
struct netlink_diag {
	uint32_t ino;
	int type, protocol;
	int state; /* 1: connected */
	uint32_t portid, dst_portid, dst_group;
	bool has_flags, dump_runs; /* a dump was begun and not received to its end */
	bool has_ring;
};

#define PACKET_ADDR_MAX 32 /* MAX_ADDR_LEN of the kernel */

/* One group of link-level addresses. */
struct packet_member {
	uint32_t index;
	uint16_t type; /* PACKET_MR_* */
	uint16_t len;
	uint8_t addr[PACKET_ADDR_MAX];
};

#define PACKET_MEMBERS_MAX 512

/* struct tpacket_req3; blocks 0: there is none. */
struct packet_ring_config {
	uint32_t block_size, blocks, frame_size, frames;
	uint32_t retire_ms, private_bytes, features; /* of TPACKET_V3 */
};

/* net/packet/diag.c */
struct packet_diag {
	uint32_t ino;
	int type;
	uint16_t protocol; /* ETH_P_*, host byte order */
	bool has_info;
	uint32_t ifindex, version, reserve, copy_thresh, timestamp;
	bool aux_data, orig_dev, vnet_hdr, loss;
	struct packet_ring_config rx, tx;
	bool has_fanout;
	uint32_t fanout;
	size_t nr_members;
	struct packet_member members[PACKET_MEMBERS_MAX];
};

/* 0, or -EBADMSG. */
int netlink_diag_parse(const struct nlmsghdr *h, struct netlink_diag *ret);
int packet_diag_parse(const struct nlmsghdr *h, struct packet_diag *ret);

/* The one with this number: 1, 0: there is none, or -errno. */
int netlink_diag_find(uint32_t ino, struct netlink_diag *ret);
int packet_diag_find(uint32_t ino, struct packet_diag *ret);
