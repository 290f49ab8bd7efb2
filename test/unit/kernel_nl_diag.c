// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's lists of netlink and packet sockets; then messages that are not whole. */
#include "criu/kernel/nl_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/unit/test.h"

static uint32_t ino_of(int fd)
{
	struct stat st;

	CHECK_INT_EQ(fstat(fd, &st), 0);
	return (uint32_t)st.st_ino;
}

TEST(kernel_netlink_diag_finds)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_pid = 0x40004321 };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = 7, .nl_groups = 8 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_USERSOCK);
	struct netlink_diag d;

	CHECK_INT_EQ(bind(fd, (void *)&own, sizeof(own)), 0);
	CHECK_INT_EQ(connect(fd, (void *)&to, sizeof(to)), 0);
	CHECK_INT_EQ(netlink_diag_find(ino_of(fd), &d), 1);
	CHECK_INT_EQ(d.type, SOCK_DGRAM);
	CHECK_INT_EQ(d.protocol, NETLINK_USERSOCK);
	CHECK_INT_EQ(d.state, 1);
	CHECK_INT_EQ(d.portid, 0x40004321);
	CHECK_INT_EQ(d.dst_portid, 7);
	CHECK_INT_EQ(d.dst_group, 4);
	CHECK(!d.dump_runs && !d.has_ring);
	CHECK_INT_EQ(netlink_diag_find(1, &d), 0);
}

TEST(kernel_packet_diag_finds)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ARP),
				 .sll_ifindex = 1 };
	struct packet_mreq m = { .mr_ifindex = 1,
				 .mr_type = PACKET_MR_MULTICAST,
				 .mr_alen = 6,
				 .mr_address = { 1, 2, 3, 4, 5, 6 } };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1, version = TPACKET_V3;
	struct packet_diag d;

	if (fd < 0)
		test_skip("packet sockets");
	CHECK_INT_EQ(bind(fd, (void *)&a, sizeof(a)), 0);
	CHECK_INT_EQ(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)), 0);
	CHECK_INT_EQ(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)), 0);
	CHECK_INT_EQ(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(on)), 0);
	CHECK_INT_EQ(packet_diag_find(ino_of(fd), &d), 1);
	CHECK_INT_EQ(d.type, SOCK_RAW);
	CHECK_INT_EQ(d.protocol, ETH_P_ARP);
	CHECK_INT_EQ(d.ifindex, 1);
	CHECK_INT_EQ(d.version, TPACKET_V3);
	CHECK(d.aux_data && !d.orig_dev && !d.loss && !d.rx.blocks && !d.tx.blocks &&
	      !d.has_fanout);
	if (CHECK_INT_EQ(d.nr_members, 1))
		CHECK(d.members[0].len == 6 && d.members[0].addr[5] == 6);
	CHECK_INT_EQ(packet_diag_find(1, &d), 0);
}

struct message {
	struct nlmsghdr h;
	union {
		struct packet_diag_msg packet;
		struct netlink_diag_msg netlink;
	};
	uint8_t data[400];
};

static void put(struct message *m, uint16_t type, const void *data, size_t size)
{
	struct nlattr a = { (uint16_t)(sizeof(a) + size), type };
	uint8_t *at = (uint8_t *)m + m->h.nlmsg_len;

	memcpy(at, &a, sizeof(a));
	memcpy(at + sizeof(a), data, size);
	m->h.nlmsg_len += (uint32_t)(sizeof(a) + NLMSG_ALIGN(size));
}

typedef int parse_fn(const struct nlmsghdr *h);

static int parse_packet(const struct nlmsghdr *h)
{
	static struct packet_diag d;
	int r = packet_diag_parse(h, &d);

	if (r == 0)
		CHECK(d.nr_members <= PACKET_MEMBERS_MAX);
	for (size_t i = 0; r == 0 && i < d.nr_members; i++)
		CHECK(d.members[i].len <= PACKET_ADDR_MAX);
	return r;
}

static int parse_netlink(const struct nlmsghdr *h)
{
	struct netlink_diag d;

	return netlink_diag_parse(h, &d);
}

/* In blocks of just their size, so that the sanitizer sees a byte too many. */
static void damage(const struct message *m, parse_fn *parse)
{
	uint32_t all = m->h.nlmsg_len;

	CHECK_INT_EQ(parse(&m->h), 0);
	for (uint32_t len = 0; len < all; len++) {
		size_t size = len < sizeof(m->h) ? sizeof(m->h) : len;
		struct nlmsghdr *cut = malloc(size);

		memcpy(cut, m, size);
		cut->nlmsg_len = len;
		CHECK(parse(cut) <= 0);
		free(cut);
	}
	for (uint32_t at = sizeof(m->h); at < all; at++)
		for (int byte = 0; byte < 256; byte += 3) {
			uint8_t *bad = malloc(all);

			memcpy(bad, m, all);
			bad[at] = (uint8_t)byte;
			CHECK(parse((void *)bad) <= 0);
			free(bad);
		}
}

TEST(kernel_nl_diag_hostile)
{
	struct packet_diag_mclist members[2] = { { .pdmc_alen = 6 }, { .pdmc_alen = 32 } };
	struct packet_diag_info info = { .pdi_index = 1 };
	struct packet_diag_ring ring = { .pdr_block_nr = 1 };
	struct message m = { .h.nlmsg_len = NLMSG_LENGTH(sizeof(m.packet)),
			     .packet = { .pdiag_family = AF_PACKET } };
	const uint32_t number = 1;

	put(&m, PACKET_DIAG_INFO, &info, sizeof(info));
	put(&m, PACKET_DIAG_MCLIST, members, sizeof(members));
	put(&m, PACKET_DIAG_FANOUT, &number, sizeof(number));
	put(&m, PACKET_DIAG_RX_RING, &ring, sizeof(ring));
	damage(&m, parse_packet);
	m = (struct message){ .h.nlmsg_len = NLMSG_LENGTH(sizeof(m.netlink)),
			      .netlink = { .ndiag_family = AF_NETLINK } };
	put(&m, NETLINK_DIAG_FLAGS, &number, sizeof(number));
	damage(&m, parse_netlink);
}
