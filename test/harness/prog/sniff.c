// SPDX-License-Identifier: GPL-2.0-only
/*
 * sniff NETNS INTERFACE
 *
 * Looks at every TCP packet that an interface of a network namespace sees. For each line on stdin
 * it says, in one line, what it has seen since it was started:
 *
 *	packets  bytes      segments that had bytes, and how many
 *	again    again_bytes of these, such as had been sent before
 *	flight   the most bytes that one side had sent and the other had not acknowledged
 *	resets   packets with RST
 *	missed   packets that it was too slow for
 *
 * Packets are seen before the rules of a firewall when they come in, and after these when they go
 * out. On the loopback, where all do both, they are looked at when they come in.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_SIZE (1u << 20)
#define BLOCKS     64
#define SNAP       120 /* of each packet: headers */
#define FLOWS_MAX  1024

/* One direction of a connection. */
struct flow {
	uint8_t key[37]; /* family, addresses, ports */
	bool begun;
	uint32_t next; /* the sequence number after the last byte that was seen */
};

static struct flow flows[FLOWS_MAX];
static size_t nr_flows;
static struct {
	uint64_t packets, bytes, again, again_bytes, flight, resets, missed;
} sum;

static struct flow *flow_of(const uint8_t key[37])
{
	for (size_t i = 0; i < nr_flows; i++)
		if (memcmp(flows[i].key, key, sizeof(flows[i].key)) == 0)
			return &flows[i];
	if (nr_flows == FLOWS_MAX)
		errx(1, "more than %d connections", FLOWS_MAX);
	memcpy(flows[nr_flows].key, key, sizeof(flows[nr_flows].key));
	return &flows[nr_flows++];
}

static void key_make(uint8_t key[37], uint8_t family, const void *from, const void *to, size_t size,
		     uint16_t from_port, uint16_t to_port)
{
	memset(key, 0, 37);
	key[0] = family;
	memcpy(key + 1, from, size);
	memcpy(key + 17, to, size);
	memcpy(key + 33, &from_port, 2);
	memcpy(key + 35, &to_port, 2);
}

static void segment(struct flow *out, const struct flow *in, const struct tcphdr *t, uint32_t len)
{
	uint32_t seq = ntohl(t->seq), end = seq + len;

	sum.resets += t->rst;
	if (t->rst)
		return;
	if (len) {
		sum.packets++;
		sum.bytes += len;
	}
	if (len && out->begun && (int32_t)(out->next - seq) > 0) {
		uint32_t old = out->next - seq;

		sum.again++;
		sum.again_bytes += old < len ? old : len;
	}
	if (!out->begun || (int32_t)(end + t->syn + t->fin - out->next) > 0)
		out->next = end + t->syn + t->fin;
	out->begun = true;
	if (t->ack && in->begun) {
		uint32_t flight = in->next - ntohl(t->ack_seq);

		if ((int32_t)flight > 0 && flight > sum.flight)
			sum.flight = flight;
	}
}

static void packet(const uint8_t *p, uint32_t size)
{
	const struct ip *v4 = (const struct ip *)p;
	const struct ip6_hdr *v6 = (const struct ip6_hdr *)p;
	const struct tcphdr *t;
	uint8_t out[37], in[37];
	uint32_t head, total;
	size_t address = v4->ip_v == 4 ? 4 : 16;
	const void *from, *to;

	if (size < sizeof(*v4) || (v4->ip_v == 6 && size < sizeof(*v6)))
		return;
	if (v4->ip_v == 4) {
		head = v4->ip_hl * 4u;
		total = ntohs(v4->ip_len);
		from = &v4->ip_src;
		to = &v4->ip_dst;
	} else {
		head = sizeof(*v6);
		total = head + ntohs(v6->ip6_plen);
		from = &v6->ip6_src;
		to = &v6->ip6_dst;
	}
	if ((v4->ip_v == 4 ? v4->ip_p : v6->ip6_nxt) != IPPROTO_TCP || size < head + sizeof(*t))
		return;
	t = (const struct tcphdr *)(p + head);
	key_make(out, v4->ip_v, from, to, address, t->source, t->dest);
	key_make(in, v4->ip_v, to, from, address, t->dest, t->source);
	segment(flow_of(out), flow_of(in), t, total - head - t->doff * 4u);
}

static void block(const struct tpacket_block_desc *b, bool loopback)
{
	const uint8_t *at = (const uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;

	for (uint32_t i = 0; i < b->hdr.bh1.num_pkts; i++) {
		const struct tpacket3_hdr *h = (const struct tpacket3_hdr *)at;
		const struct sockaddr_ll *from =
		    (const struct sockaddr_ll *)(at + TPACKET_ALIGN(sizeof(*h)));

		if (!loopback || from->sll_pkttype != PACKET_OUTGOING)
			packet(at + h->tp_net, h->tp_snaplen - (uint32_t)(h->tp_net - h->tp_mac));
		at += h->tp_next_offset;
	}
}

static void tell(int fd)
{
	struct tpacket_stats_v3 s;
	socklen_t size = sizeof(s);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &s, &size) == 0)
		sum.missed += s.tp_drops;
	printf("packets %" PRIu64 " bytes %" PRIu64 " again %" PRIu64 " again_bytes %" PRIu64
	       " flight %" PRIu64 " resets %" PRIu64 " missed %" PRIu64 "\n",
	       sum.packets, sum.bytes, sum.again, sum.again_bytes, sum.flight, sum.resets,
	       sum.missed);
	fflush(stdout);
}

static int watch(const char *name)
{
	struct sock_filter snap = BPF_STMT(BPF_RET | BPF_K, SNAP);
	struct sock_fprog program = { 1, &snap };
	struct tpacket_req3 ring = { .tp_block_size = BLOCK_SIZE,
				     .tp_block_nr = BLOCKS,
				     .tp_frame_size = 2048,
				     .tp_frame_nr = BLOCKS * (BLOCK_SIZE / 2048),
				     .tp_retire_blk_tov = 5 };
	struct sockaddr_ll where = { .sll_family = AF_PACKET,
				     .sll_protocol = htons(ETH_P_ALL),
				     .sll_ifindex = (int)if_nametoindex(name) };
	int version = TPACKET_V3, fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)) < 0 ||
	    bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0)
		err(1, "look at %s", name);
	return fd;
}

int main(int argc, char **argv)
{
	const struct timespec block_ends = { .tv_nsec = 20000000 };
	bool loopback, asked = false;
	uint8_t *ring;
	char line[16];
	int fd;

	if (argc != 3)
		errx(2, "usage: sniff NETNS INTERFACE");
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		err(1, "enter %s", argv[1]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	loopback = strcmp(argv[2], "lo") == 0;
	fd = watch(argv[2]);
	ring = mmap(NULL, (size_t)BLOCK_SIZE * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		err(1, "map the ring");
	for (unsigned int at = 0;;) {
		struct tpacket_block_desc *b = (void *)(ring + (size_t)at * BLOCK_SIZE);
		struct pollfd p[] = { { fd, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };

		if (__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) {
			block(b, loopback);
			__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL,
					 __ATOMIC_RELEASE);
			at = (at + 1) % BLOCKS;
			continue;
		}
		if (asked)
			tell(fd);
		asked = false;
		if (ppoll(p, 2, NULL, NULL) < 0)
			err(1, "poll");
		if (p[1].revents) {
			if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
				return 0;
			/* What came before is told of when its block is full or old. */
			nanosleep(&block_ends, NULL);
			asked = true;
		}
	}
}
