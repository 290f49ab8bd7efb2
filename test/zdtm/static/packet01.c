// SPDX-License-Identifier: GPL-2.0-only
/* Rings of packet sockets (TPACKET_V1, V2): what is in them, and where the kernel goes on. */
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

#define TYPE   0x88b6 /* for experiments: nobody else sends it */
#define BLOCK  4096u
#define BLOCKS 2u
#define FRAME  512u
#define FRAMES (BLOCK * BLOCKS / FRAME)
#define RING   (BLOCK * BLOCKS)

struct packet {
	struct ethhdr head;
	uint32_t nr, who;
	char text[40];
} __attribute__((packed));

/* One that hears what the other one sends. */
struct hears {
	int version, fd;
	unsigned char *rx, *tx; /* tx: only of the one that sends */
	uint32_t next; /* number of the packet that is to come next: it is in frame next % FRAMES */
};

static struct sockaddr_ll to = { .sll_family = AF_PACKET };
static uint32_t who;
static struct ready ready;

static volatile uint32_t *status_of(unsigned char *frame)
{
	return (volatile uint32_t *)(void *)frame;
}

static unsigned char *data_of(const struct hears *h, unsigned char *frame)
{
	return frame + (h->version == TPACKET_V1 ? ((struct tpacket_hdr *)(void *)frame)->tp_mac
						 : ((struct tpacket2_hdr *)(void *)frame)->tp_mac);
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

static void ring_make(struct hears *h, int version, bool sends)
{
	struct tpacket_req req = { BLOCK, BLOCKS, FRAME, FRAMES };

	h->version = version;
	h->fd = must(socket(AF_PACKET, SOCK_RAW, 0));
	must(setsockopt(h->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)));
	must(setsockopt(h->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)));
	if (sends)
		must(setsockopt(h->fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)));
	h->rx = mmap(NULL, sends ? 2 * RING : RING, PROT_READ | PROT_WRITE, MAP_SHARED, h->fd, 0);
	expect(h->rx != MAP_FAILED, "mmap: %m");
	h->tx = sends ? h->rx + RING : NULL;
	filter(h->fd);
	must(bind(h->fd, (void *)&to, sizeof(to)));
}

static void request(struct hears *h, uint32_t nr)
{
	unsigned char *frame = h->tx + nr % FRAMES * FRAME;
	struct packet p = { .nr = htonl(nr), .who = who };

	p.head.h_proto = htons(TYPE);
	snprintf(p.text, sizeof(p.text), "packet %u", nr);
	memcpy(frame + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll), &p, sizeof(p));
	((struct tpacket2_hdr *)(void *)frame)->tp_len = sizeof(p);
	*status_of(frame) = TP_STATUS_SEND_REQUEST;
}

/* NULL: as it should be. */
static const char *receive(struct hears *h)
{
	unsigned char *frame = h->rx + h->next % FRAMES * FRAME;
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	struct packet got;
	char text[40];

	while (!(*status_of(frame) & TP_STATUS_USER))
		if (poll(&p, 1, 20000) <= 0)
			return "nothing came into the frame that is next";
	memcpy(&got, data_of(h, frame), sizeof(got));
	snprintf(text, sizeof(text), "packet %u", h->next);
	if (ntohl(got.nr) != h->next || strcmp(got.text, text))
		return "another packet is in the frame";
	*status_of(frame) = TP_STATUS_KERNEL;
	h->next++;
	return NULL;
}

/* It has the mapping, but not the descriptor any more. */
static int child(void *arg)
{
	const struct hears *h = arg;

	must(close(h->fd));
	ready_report(&ready);
	test_waitsig();
	return strcmp((char *)h->tx + RING - 16, "by the parent");
}

int main(int argc, char **argv)
{
	struct hears all[3] = { 0 }, *sender = &all[2];
	pid_t pid;
	uint32_t sent = 0;
	const char *wrong;

	test_init(argc, argv);
	who = (uint32_t)getpid();
	to.sll_ifindex = (int)if_nametoindex("lo");
	to.sll_protocol = htons(TYPE);
	ring_make(&all[0], TPACKET_V1, false);
	ring_make(&all[1], TPACKET_V2, false);
	ring_make(sender, TPACKET_V2, true);
	/* Once around, and a bit. */
	for (; sent < FRAMES + 5; sent++) {
		request(sender, sent);
		must(send(sender->fd, NULL, 0, 0));
		for (int i = 0; i < 3; i++)
			expect(!(wrong = receive(&all[i])), "%s", wrong);
	}
	/* Three that nobody has looked at yet, and two that are not sent. */
	for (int i = 0; i < 5; i++) {
		request(sender, sent++);
		if (i == 2)
			must(send(sender->fd, NULL, 0, 0));
	}
	strcpy((char *)sender->tx + RING - 16, "the last bytes");
	ready_init(&ready);
	pid = test_child(child, sender);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (strcmp((char *)sender->tx + RING - 16, "the last bytes"))
		return fail("the end of the ring is not there");
	strcpy((char *)sender->tx + RING - 16, "by the parent");
	if (!test_stop(pid, "child"))
		return fail("the child has another ring");
	for (int i = 0; i < 3; i++)
		for (int n = 0; n < 3; n++)
			if ((wrong = receive(&all[i])))
				return fail("socket %d, packet %u, before: %s", i, all[i].next,
					    wrong);
	if (send(sender->fd, NULL, 0, 0) < 0)
		return fail("send: %m");
	for (; sent < 4 * FRAMES; sent++) {
		for (int i = 0; i < 3; i++)
			while (all[i].next < sent)
				if ((wrong = receive(&all[i])))
					return fail("socket %d, packet %u: %s", i, all[i].next,
						    wrong);
		request(sender, sent);
		if (send(sender->fd, NULL, 0, 0) < 0)
			return fail("send: %m");
	}
	return pass();
}
