// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only way into a state like CLOSE_WAIT is to receive what leads there. The segment is written
 * into a raw socket, header and all, with the peer's address as its source. The way to a local
 * address is the loopback, where nobody asks whether the source could be there.
 */
#include "criu/sock/segment.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>
#include <sys/socket.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"

#define HOPS 64

struct tcp_header {
	uint16_t source, destination;
	uint32_t seq, ack;
	uint8_t offset, flags;
	uint16_t window, check, urgent;
};

enum { FLAG_FIN = 1, FLAG_RST = 4, FLAG_ACK = 16 };

/* What is summed up beside the header. */
struct pseudo {
	uint8_t source[16], destination[16];
	uint32_t length, next;
};

static uint32_t sum(uint32_t acc, const void *data, size_t size)
{
	const uint8_t *p = data;

	for (size_t i = 0; i + 1 < size; i += 2)
		acc += (uint32_t)p[i] << 8 | p[i + 1];
	return acc;
}

static uint16_t fold(uint32_t acc)
{
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return htons((uint16_t)~acc);
}

static struct tcp_header tcp_header(const struct tcp_segment *s)
{
	struct tcp_header h = {
		.source = s->conn.remote_port,
		.destination = s->conn.local_port,
		.seq = htonl(s->seq),
		.ack = htonl(s->ack),
		.offset = sizeof(h) / 4 << 4,
		.flags = (uint8_t)(FLAG_ACK | (s->fin ? FLAG_FIN : 0) | (s->rst ? FLAG_RST : 0)),
		.window = htons(s->window),
	};
	/* For IPv4 the rest is zero, and so is what it adds. */
	struct pseudo p = { .length = htonl(sizeof(h)), .next = htonl(IPPROTO_TCP) };

	memcpy(p.source, s->conn.remote, sizeof(p.source));
	memcpy(p.destination, s->conn.local, sizeof(p.destination));
	h.check = fold(sum(sum(0, &p, sizeof(p)), &h, sizeof(h)));
	return h;
}

static size_t packet4(const struct tcp_segment *s, uint8_t *buf, struct sockaddr_in *to)
{
	const struct tcp_header h = tcp_header(s);
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = htons(sizeof(ip) + sizeof(h)),
		.ttl = HOPS,
		.protocol = IPPROTO_TCP,
	};

	memcpy(&ip.saddr, s->conn.remote, 4);
	memcpy(&ip.daddr, s->conn.local, 4);
	*to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = ip.daddr };
	memcpy(buf, &ip, sizeof(ip));
	memcpy(buf + sizeof(ip), &h, sizeof(h));
	return sizeof(ip) + sizeof(h);
}

static size_t packet6(const struct tcp_segment *s, uint8_t *buf, struct sockaddr_in6 *to)
{
	const struct tcp_header h = tcp_header(s);
	struct ip6_hdr ip = { .ip6_flow = htonl(6u << 28),
			      .ip6_plen = htons(sizeof(h)),
			      .ip6_nxt = IPPROTO_TCP,
			      .ip6_hops = HOPS };

	memcpy(&ip.ip6_src, s->conn.remote, 16);
	memcpy(&ip.ip6_dst, s->conn.local, 16);
	*to = (struct sockaddr_in6){ .sin6_family = AF_INET6,
				     .sin6_addr = ip.ip6_dst,
				     .sin6_scope_id = s->scope };
	memcpy(buf, &ip, sizeof(ip));
	memcpy(buf + sizeof(ip), &h, sizeof(h));
	return sizeof(ip) + sizeof(h);
}

int tcp_segment_send(const struct tcp_segment *s)
{
	const int mark = NETLOCK_MARK;
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	bool v6 = s->conn.family == AF_INET6;
	cleanup_close int fd =
	    socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	uint8_t buf[64];
	size_t len;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		return fail(errno, "make a raw socket");
	len = v6 ? packet6(s, buf, &to.v6) : packet4(s, buf, &to.v4);
	if (sendto(fd, buf, len, 0, &to.sa, v6 ? sizeof(to.v6) : sizeof(to.v4)) < 0)
		return fail(errno, "send a segment to the restored connection");
	return 0;
}
