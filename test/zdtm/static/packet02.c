// SPDX-License-Identifier: GPL-2.0-only
/* Rings of packet sockets that are made of blocks (TPACKET_V3), also one that is full. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define TYPE    0x88b6 /* for experiments: nobody else sends it */
#define BLOCK   8192u
#define BLOCKS  4u
#define RING    (BLOCK * BLOCKS)
#define TIMEOUT 60000 /* ms: a block is handed over because it is full */
#define PRIVATE 64

struct packet {
	struct ethhdr head;
	uint32_t nr, who;
	char text[1486];
} __attribute__((packed));

struct hears {
	int fd;
	unsigned char *ring;
	uint32_t block; /* that is next */
	uint32_t next; /* number of the packet */
};

static struct sockaddr_ll to = { .sll_family = AF_PACKET };
static uint32_t who, sent;
static int out;

static struct tpacket_block_desc *block_of(const struct hears *h, uint32_t nr)
{
	return (void *)(h->ring + nr % BLOCKS * BLOCK);
}

/* Only what this test sends, however many of them run. */
static void filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(who), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

static void ring_make(struct hears *h, unsigned int timeout)
{
	struct tpacket_req3 req = {
		BLOCK, BLOCKS, 2048, RING / 2048, timeout, PRIVATE, TP_FT_REQ_FILL_RXHASH
	};
	int version = TPACKET_V3;

	h->fd = must(socket(AF_PACKET, SOCK_RAW, 0));
	must(setsockopt(h->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)));
	must(setsockopt(h->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)));
	h->ring = mmap(NULL, RING, PROT_READ | PROT_WRITE, MAP_SHARED, h->fd, 0);
	expect(h->ring != MAP_FAILED, "mmap: %m");
	filter(h->fd);
	must(bind(h->fd, (void *)&to, sizeof(to)));
	h->next = sent;
}

static void packet_send(void)
{
	struct packet p = { .nr = htonl(sent), .who = who };

	p.head.h_proto = htons(TYPE);
	snprintf(p.text, sizeof(p.text), "packet %u", sent++);
	must(sendto(out, &p, sizeof(p), 0, (void *)&to, sizeof(to)));
}

static bool is_full(const struct hears *h)
{
	volatile struct tpacket_hdr_v1 *b = &block_of(h, h->block)->hdr.bh1;

	return b->block_status & TP_STATUS_USER;
}

/* All of the block that is next. NULL: as it should be. */
static const char *block_read(struct hears *h)
{
	struct tpacket_block_desc *b = block_of(h, h->block);
	unsigned char *at = (unsigned char *)b + b->hdr.bh1.offset_to_first_pkt;

	for (uint32_t i = 0; i < b->hdr.bh1.num_pkts; i++) {
		struct tpacket3_hdr *h3 = (void *)at;
		struct packet got;
		char text[40];

		memcpy(&got, at + h3->tp_mac, sizeof(got));
		snprintf(text, sizeof(text), "packet %u", h->next);
		if (ntohl(got.nr) != h->next || strcmp(got.text, text))
			return "another packet is in the block";
		h->next++;
		if (i + 1 < b->hdr.bh1.num_pkts && !h3->tp_next_offset)
			return "the block ends early";
		at += h3->tp_next_offset;
	}
	b->hdr.bh1.block_status = TP_STATUS_KERNEL;
	h->block++;
	return NULL;
}

/* Everything that has been sent: as much as the kernel hands over. */
static const char *all_read(struct hears *h, uint32_t until)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };

	while (h->next < until) {
		const char *wrong;

		if (!is_full(h) && poll(&p, 1, 20000) <= 0)
			return "the block that is next is not handed over";
		if (!is_full(h))
			continue;
		wrong = block_read(h);
		if (wrong)
			return wrong;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct hears slow = { 0 }, quick = { 0 }, fresh = { 0 }, full = { 0 };
	const char *wrong;
	uint32_t end;

	test_init(argc, argv);
	who = (uint32_t)getpid();
	to.sll_ifindex = (int)if_nametoindex("lo");
	to.sll_protocol = htons(TYPE);
	out = must(socket(AF_PACKET, SOCK_RAW, 0));
	ring_make(&slow, TIMEOUT);
	ring_make(&quick, 1);
	memcpy((char *)block_of(&slow, 2) + sizeof(struct tpacket_block_desc), "my own", 7);
	/* More than once around. */
	while (slow.block < BLOCKS + 2) {
		packet_send();
		expect(!(wrong = all_read(&quick, sent)), "%s", wrong);
		if (is_full(&slow))
			expect(!(wrong = block_read(&slow)), "%s", wrong);
	}
	packet_send(); /* is in a block that slow has not seen yet */
	packet_send();
	ring_make(&full, TIMEOUT);
	end = sent;
	for (uint32_t i = 0; i < BLOCKS * BLOCK / 1500; i++)
		packet_send();
	expect(is_full(&full), "it is not full");
	ring_make(&fresh, 1);
	test_daemon();
	test_waitsig();

	if (strcmp((char *)block_of(&slow, 2) + sizeof(struct tpacket_block_desc), "my own"))
		return fail("what the program has in a block of its own is not there");
	/* It was full: what came then was dropped. */
	while (is_full(&full))
		if ((wrong = block_read(&full)))
			return fail("full, packet %u: %s", full.next, wrong);
	if (full.block != BLOCKS || full.next <= end)
		return fail("full: %u blocks, %u packets", full.block, full.next - end);
	while (is_full(&slow))
		if ((wrong = block_read(&slow)))
			return fail("slow, packet %u: %s", slow.next, wrong);
	while (is_full(&quick))
		if ((wrong = block_read(&quick)))
			return fail("quick, packet %u: %s", quick.next, wrong);
	full.next = slow.next = quick.next = fresh.next = sent;
	for (int i = 0; i < 40; i++) {
		packet_send();
		if ((wrong = all_read(&quick, sent)) || (wrong = all_read(&fresh, sent)))
			return fail("packet %u: %s", sent, wrong);
		while (is_full(&slow))
			if ((wrong = block_read(&slow)))
				return fail("slow, packet %u: %s", slow.next, wrong);
		while (is_full(&full))
			if ((wrong = block_read(&full)))
				return fail("full, packet %u: %s", full.next, wrong);
	}
	if (slow.next + 10 < sent || full.next + 10 < sent)
		return fail("of %u packets %u and %u came", sent, slow.next, full.next);
	return pass();
}
