// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only way into a state like CLOSE_WAIT is to receive what leads there. libnet builds the
 * segment and writes it into a raw socket, with the peer's address as its source. The way to a
 * local address is the loopback, where nobody asks whether the source could be there.
 */
#include "criu/sock/segment.h"

#include <errno.h>
#include <libnet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "criu/base/error.h"

#define HOPS 64
#define LIBNET_ANY 0 /* a new header; a checksum to be made; no number */

static int build_tcp(libnet_t *net, const struct tcp_segment *s)
{
	const struct net_conn *c = &s->conn;

	if (libnet_build_tcp(ntohs(c->remote_port), ntohs(c->local_port), s->seq, s->ack,
			     (uint8_t)(TH_ACK | (s->fin ? TH_FIN : 0)), s->window, LIBNET_ANY, 0,
			     LIBNET_TCP_H, NULL, 0, net, LIBNET_ANY) < 0)
		return fail(ENOMEM, "build a segment");
	return 0;
}

static int build_ip(libnet_t *net, const struct tcp_segment *s)
{
	struct libnet_in6_addr from, to;
	libnet_ptag_t tag;
	uint32_t v4[2];

	if (s->conn.family == AF_INET6) {
		memcpy(&from, s->conn.remote, sizeof(from));
		memcpy(&to, s->conn.local, sizeof(to));
		tag = libnet_build_ipv6(0, 0, LIBNET_TCP_H, IPPROTO_TCP, HOPS, from, to, NULL, 0,
					net, LIBNET_ANY);
	} else {
		memcpy(&v4[0], s->conn.remote, sizeof(v4[0]));
		memcpy(&v4[1], s->conn.local, sizeof(v4[1]));
		tag = libnet_build_ipv4(LIBNET_IPV4_H + LIBNET_TCP_H, 0, LIBNET_ANY, 0, HOPS,
					IPPROTO_TCP, LIBNET_ANY, v4[0], v4[1], NULL, 0, net,
					LIBNET_ANY);
	}
	return tag < 0 ? fail(ENOMEM, "build a segment") : 0;
}

/* The lock lets it pass; a link-local address is one of this interface. */
static int set_up(int fd, const struct tcp_segment *s)
{
	const int mark = NETLOCK_MARK, scope = (int)s->scope;

	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
	    (scope && setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &scope, sizeof(scope)) < 0))
		return fail(errno, "set up a raw socket");
	return 0;
}

int tcp_segment_send(const struct tcp_segment *s)
{
	char why[LIBNET_ERRBUF_SIZE];
	libnet_t *net =
	    libnet_init(s->conn.family == AF_INET6 ? LIBNET_RAW6 : LIBNET_RAW4, NULL, why);
	int ret;

	if (!net)
		return fail(errno, "make a raw socket");
	ret = set_up(libnet_getfd(net), s);
	if (ret >= 0)
		ret = build_tcp(net, s);
	if (ret >= 0)
		ret = build_ip(net, s);
	if (ret >= 0 && libnet_write(net) < 0)
		ret = fail(errno, "send a segment to the restored connection");
	libnet_destroy(net);
	return ret;
}
