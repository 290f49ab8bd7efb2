// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue of a UDP socket is read by MSG_PEEK, from one datagram to the next by SO_PEEK_OFF, and
 * stays as it is. On the way back each datagram is sent once more: through a raw socket, header and
 * all, from where it came, to the socket itself. So the socket has it with its source. Where it was
 * sent to is known of a socket that wants to know (IP_PKTINFO); else any address of the socket will
 * do. Images: images/inetqueue.proto.
 */
#include "criu/sock/udpqueue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"
#include "criu/sock/inet.h"
#include "criu/sock/inetaddr.h"
#include "images/inetqueue.pb-c.h"

#define DATAGRAM_MAX 65535
#define MEMINFO_MAX  32
#define HOPS         64
#define ARRIVE_TRIES 2000 /* of a millisecond */

struct datagram {
	union inet_addr from;
	uint8_t to[16];
	size_t to_len; /* 0: not known */
	size_t len;
	uint8_t *data; /* of DATAGRAM_MAX */
};

static void destination_take(struct msghdr *h, struct datagram *g)
{
	g->to_len = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
		    c->cmsg_len >= CMSG_LEN(sizeof(v4))) {
			memcpy(&v4, CMSG_DATA(c), sizeof(v4));
			memcpy(g->to, &v4.ipi_addr, g->to_len = 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
			   c->cmsg_len >= CMSG_LEN(sizeof(v6))) {
			memcpy(&v6, CMSG_DATA(c), sizeof(v6));
			memcpy(g->to, &v6.ipi6_addr, g->to_len = 16);
		}
	}
}

/* 1: the next datagram behind those that were seen; 0: there is none. */
static int datagram_peek(int fd, struct datagram *g)
{
	char control[1024] __attribute__((aligned(8)));
	struct iovec v = { g->data, DATAGRAM_MAX };
	struct msghdr h = { .msg_name = &g->from,
			    .msg_namelen = sizeof(g->from),
			    .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &h, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? 0 : fail(errno, "peek at a datagram");
	/* Shut down for receiving, an empty queue looks like this. */
	if (!n && !h.msg_namelen)
		return 0;
	g->len = (size_t)n;
	destination_take(&h, g);
	return 1;
}

static int peek_offset(int fd, int value)
{
	if (setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &value, sizeof(value)) < 0)
		return fail(errno, "SO_PEEK_OFF %d", value);
	return 0;
}

/* fn for each; the offset of the socket is as before. */
static int each_datagram(int fd, int (*fn)(void *ctx, const struct datagram *g), void *ctx)
{
	cleanup_free uint8_t *data = mem_alloc(DATAGRAM_MAX);
	struct datagram g = { .data = data };
	int had = -1, r, back;
	socklen_t len = sizeof(had);

	/* The queue of most is empty. */
	r = recv(fd, data, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN ? 0 : 1;
	if (!r || getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &had, &len) < 0)
		return 0;
	r = peek_offset(fd, 0);
	while (r >= 0 && (r = datagram_peek(fd, &g)) > 0)
		r = fn(ctx, &g);
	back = peek_offset(fd, had);
	return r < 0 ? r : back;
}

/* --- dump ----------------------------------------------------------------------- */

struct writing {
	struct dump *d;
	uint32_t id;
};

static void bytes_set(ProtobufCBinaryData *to, const void *from, size_t len)
{
	to->data = (uint8_t *)(uintptr_t)from;
	to->len = len;
}

static int datagram_write(void *ctx, const struct datagram *g)
{
	const struct writing *w = ctx;
	InetPacketEntry e = INET_PACKET_ENTRY__INIT;
	struct image_writer **img = &w->d->inet->queues_img;
	int r = *img ? 0 : image_writer_open(w->d->s->images, IMAGE_INET_QUEUES, 0, img);

	e.id_for = w->id;
	e.length = (uint32_t)g->len;
	e.source_port = ntohs(g->from.v4.sin_port);
	if (g->from.sa.sa_family == AF_INET6)
		bytes_set(&e.source, &g->from.v6.sin6_addr, 16);
	else
		bytes_set(&e.source, &g->from.v4.sin_addr, 4);
	e.has_destination = g->to_len;
	bytes_set(&e.destination, g->to, g->to_len);
	if (r >= 0)
		r = image_write(*img, &e.base);
	return r >= 0 && g->len ? image_write_raw(*img, g->data, g->len) : r;
}

int udp_queue_dump(struct dump *d, const struct fd_probe *p, const InetSkEntry *e)
{
	struct writing w = { d, e->id };

	return each_datagram(p->lfd, datagram_write, &w);
}

int udp_queue_dump_end(struct dump *d)
{
	return d->inet->queues_img ? image_writer_close(&d->inet->queues_img) : 0;
}

/* --- restore -------------------------------------------------------------------- */

/* In memory that tasks inherit. */
struct inet_packet {
	struct inet_packet *next;
	const InetPacketEntry *e;
	uint8_t *data;
};

static int packet_load(struct restore *r, struct image_reader *img, const InetPacketEntry *e,
		       struct inet_packet ***end)
{
	struct inet_packet *p;

	if (e->length > DATAGRAM_MAX || (e->source.len != 4 && e->source.len != 16) ||
	    e->source_port > UINT16_MAX ||
	    (e->has_destination && e->destination.len != 4 && e->destination.len != 16))
		return fail_plain("%s: a datagram of %u bytes from an address of %zu",
				  image_reader_where(img), e->length, e->source.len);
	p = arena_alloc(&r->arena, sizeof(*p));
	p->e = e;
	p->data = arena_alloc(&r->arena, e->length + 1);
	**end = p;
	*end = &p->next;
	return e->length ? image_read_raw(img, p->data, e->length) : 0;
}

int udp_queues_load(struct restore *r)
{
	struct inet_packet **end = &r->inet_packets;
	struct image_reader *img;
	ProtobufCMessage *m;
	int ret;

	if (r->inet_packets_loaded)
		return 0;
	r->inet_packets_loaded = true;
	ret = image_reader_open(r->s->images, IMAGE_INET_QUEUES, 0, &img);
	if (ret <= 0)
		return ret;
	while ((ret = image_read_from(img, r->messages, &m)) > 0) {
		ret = packet_load(r, img, (const InetPacketEntry *)m, &end);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	return ret;
}

static uint16_t checksum(const void *pseudo, size_t pseudo_len, const uint8_t *data, size_t len)
{
	const uint8_t *p = pseudo;
	uint32_t sum = 0;

	for (size_t i = 0; i < pseudo_len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? 0xffff : htons((uint16_t)~sum);
}

/* To where: as it was sent, or to the address of the socket, or to this host. */
static void ends_of(const InetSkEntry *e, const InetPacketEntry *p, struct net_conn *ret)
{
	union inet_addr local, peer = { .sa.sa_family = (sa_family_t)e->family };

	inet_addr_local(e, &local);
	if (e->family == AF_INET6)
		memcpy(&peer.v6.sin6_addr, p->source.data, p->source.len);
	else
		memcpy(&peer.v4.sin_addr, p->source.data, 4);
	peer.v4.sin_port = htons((uint16_t)p->source_port);
	inet_conn(&local, &peer, ret);
	if (p->has_destination && ret->family == (p->destination.len == 16 ? AF_INET6 : AF_INET))
		memcpy(ret->local, p->destination.data, p->destination.len);
	else if (inet_addr_is_any(&local) && ret->family == AF_INET6)
		memcpy(ret->local, &in6addr_loopback, 16);
	else if (inet_addr_is_any(&local))
		memcpy(ret->local, (uint8_t[]){ 127, 0, 0, 1 }, 4);
}

/* Behind the header of IP; v4: its own part of the pseudo header. */
static size_t udp_put(uint8_t *to, const struct net_conn *c, const struct inet_packet *p,
		      uint8_t protocol)
{
	struct {
		uint8_t source[16], destination[16];
		uint32_t len, next;
	} pseudo = { .len = htonl((uint32_t)(sizeof(struct udphdr) + p->e->length)),
		     .next = htonl(protocol) };
	struct udphdr h = { .source = c->remote_port,
			    .dest = c->local_port,
			    .len = htons((uint16_t)(sizeof(h) + p->e->length)) };

	memcpy(pseudo.source, c->remote, sizeof(pseudo.source));
	memcpy(pseudo.destination, c->local, sizeof(pseudo.destination));
	memcpy(to, &h, sizeof(h));
	memcpy(to + sizeof(h), p->data, p->e->length);
	h.check = checksum(&pseudo, sizeof(pseudo), to, sizeof(h) + p->e->length);
	memcpy(to, &h, sizeof(h));
	return sizeof(h) + p->e->length;
}

static size_t packet_make(uint8_t *buf, const struct net_conn *c, const struct inet_packet *p)
{
	struct ip6_hdr v6 = { .ip6_flow = htonl(6u << 28),
			      .ip6_nxt = IPPROTO_UDP,
			      .ip6_hops = HOPS };
	struct iphdr v4 = {
		.version = 4, .ihl = sizeof(v4) / 4, .ttl = HOPS, .protocol = IPPROTO_UDP
	};
	size_t head = c->family == AF_INET6 ? sizeof(v6) : sizeof(v4);
	size_t len = udp_put(buf + head, c, p, IPPROTO_UDP);

	v6.ip6_plen = htons((uint16_t)len);
	memcpy(&v6.ip6_src, c->remote, 16);
	memcpy(&v6.ip6_dst, c->local, 16);
	v4.tot_len = htons((uint16_t)(head + len));
	memcpy(&v4.saddr, c->remote, 4);
	memcpy(&v4.daddr, c->local, 4);
	memcpy(buf, c->family == AF_INET6 ? (void *)&v6 : &v4, head);
	return head + len;
}

static int packet_send(const InetSkEntry *e, const struct inet_packet *p)
{
	cleanup_free uint8_t *buf = mem_alloc(2 * DATAGRAM_MAX);
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	cleanup_close int fd = -1;
	struct net_conn c;
	size_t len;
	bool v6;

	ends_of(e, p->e, &c);
	v6 = c.family == AF_INET6;
	memcpy(&to6.sin6_addr, c.local, 16);
	memcpy(&to4.sin_addr, c.local, 4);
	len = packet_make(buf, &c, p);
	fd = socket(c.family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0)
		return fail(errno, "make a raw socket");
	if (sendto(fd, buf, len, 0, v6 ? (void *)&to6 : &to4, v6 ? sizeof(to6) : sizeof(to4)) < 0)
		return fail(errno, "send a datagram to the restored socket");
	return 0;
}

static uint32_t memory_of(int fd)
{
	uint32_t info[MEMINFO_MAX] = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0 ? 0
								      : info[SK_MEMINFO_RMEM_ALLOC];
}

/* It is received as any packet is: mostly before the call returns, if not a moment later. */
static int packet_receive(int fd, const InetSkEntry *e, const struct inet_packet *p)
{
	const struct timespec tick = { .tv_nsec = 1000000 };
	uint32_t had = memory_of(fd);
	int ret = packet_send(e, p);

	for (int i = 0; ret >= 0 && i < ARRIVE_TRIES; i++) {
		if (memory_of(fd) > had)
			return 0;
		nanosleep(&tick, NULL);
	}
	return ret < 0 ? ret
		       : fail_hint(fail_plain("a datagram of its queue does not arrive"),
				   "see whether a firewall drops packets on the loopback");
}

/* So many bytes as they take now may be more than then. */
static int room_make(int fd, size_t bytes, size_t nr)
{
	int size = (int)(bytes + nr * 1024);

	return setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0
		   ? fail(errno, "SO_RCVBUFFORCE %d", size)
		   : 0;
}

int udp_queue_restore(const struct restore *r, const InetSkEntry *e, int fd)
{
	size_t nr = 0, bytes = 0;
	int ret;

	for (const struct inet_packet *p = r->inet_packets; p; p = p->next)
		if (p->e->id_for == e->id) {
			nr++;
			bytes += p->e->length;
		}
	ret = nr ? room_make(fd, bytes, nr) : 0;
	for (const struct inet_packet *p = r->inet_packets; p && ret >= 0; p = p->next)
		if (p->e->id_for == e->id)
			ret = packet_receive(fd, e, p);
	return ret;
}
