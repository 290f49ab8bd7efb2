// SPDX-License-Identifier: GPL-2.0-only
/*
 * Most options are one int that getsockopt(2) returns as setsockopt(2) takes it: a table of them.
 * In the image are those that differ from a new socket's. So what nobody has set is, after the
 * restore, as the sysctls of that host say. A few have fields that the format knows: these are
 * written for those who read only them.
 *
 * Not to be had: the interface of IP_MULTICAST_IF when it was given by number without an address;
 * the MSS of a connection that was asked for; a TCP_WINDOW_CLAMP of one.
 */
#include "criu/sock/inetopts.h"

#include <errno.h>
#include <linux/icmp.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"

/* Of kernels after glibc 2.36, or in headers that do not go with the others. */
#define IP_NODEFRAG_          22
#define IP_RECVFRAGSIZE_      25
#define IP_RECVERR_RFC4884_   26
#define IP_MULTICAST_ALL_     49
#define IP_UNICAST_IF_        50
#define IP_LOCAL_PORT_RANGE_  51
#define IPV6_MULTICAST_ALL_   29
#define IPV6_RECVERR_RFC4884_ 31
#define IPV6_FLOWINFO_        11
#define IPV6_2292PKTINFO_     2
#define IPV6_2292HOPOPTS_     3
#define IPV6_2292DSTOPTS_     4
#define IPV6_2292RTHDR_       5
#define IPV6_2292HOPLIMIT_    8
#define IPV6_FLOWINFO_SEND_   33
#define IPV6_UNICAST_IF_      76
#define IPV6_RECVFRAGSIZE_    77
#define IPV6_FREEBIND_        78
#define TCP_TX_DELAY_         37
#define TCP_RTO_MAX_MS_       44
#define TCP_RTO_MIN_US_       45
#define TCP_DELACK_MAX_US_    46
#define UDP_NO_CHECK6_TX_     101
#define UDP_NO_CHECK6_RX_     102
#define UDP_SEGMENT_          103
#define UDP_GRO_              104
#define UDPLITE_SEND_CSCOV_   10
#define UDPLITE_RECV_CSCOV_   11
#define MPTCP_PROTOCOL        262
#define ICMP6_FILTER_WORDS    8
#define IP_OPTIONS_MAX        40

enum when {
	EARLY,
	LATE,
	UNCONNECTED, /* early; of a connection it is another thing, or cannot be set */
};

#define ALL4  (INET_V4 | INET_V6) /* IPv6 sockets that IPv4 may come to have them, too */
#define ANY   (INET_TCP | INET_UDP | INET_UDPLITE | INET_RAW)
#define DGRAM (INET_UDP | INET_UDPLITE | INET_RAW)
#define TCPS  (INET_TCP | INET_MPTCP)

struct option_row {
	int level, name;
	const char *text;
	unsigned int families, sorts;
	enum when when;
};

#define ROW(level, name, families, sorts, when)                                                    \
	{                                                                                          \
		level, name, #name, families, sorts, when                                          \
	}
#define IP4(name, sorts)                                                                           \
	{                                                                                          \
		IPPROTO_IP, name, #name, ALL4, sorts, EARLY                                        \
	}
#define IP6(name, sorts)                                                                           \
	{                                                                                          \
		IPPROTO_IPV6, name, #name, INET_V6, sorts, EARLY                                   \
	}
#define TCP(name, when)                                                                            \
	{                                                                                          \
		IPPROTO_TCP, name, #name, ALL4, TCPS, when                                         \
	}
#define UDP(name, when)                                                                            \
	{                                                                                          \
		IPPROTO_UDP, name, #name, ALL4, INET_UDP, when                                     \
	}

/* As they are set. */
static const struct option_row rows[] = {
	IP6(IPV6_V6ONLY, ANY | INET_MPTCP),
	IP4(IP_FREEBIND, ANY | INET_MPTCP),
	IP4(IP_TRANSPARENT, ANY | INET_MPTCP),
	IP4(IP_BIND_ADDRESS_NO_PORT, ANY | INET_MPTCP),
	IP4(IP_LOCAL_PORT_RANGE_, ANY | INET_MPTCP),
	IP4(IP_TOS, ANY | INET_MPTCP),
	IP4(IP_TTL, ANY),
	IP4(IP_MINTTL, ANY),
	IP4(IP_MTU_DISCOVER, ANY),
	IP4(IP_UNICAST_IF_, ANY),
	IP4(IP_RECVERR, ANY),
	IP4(IP_RECVERR_RFC4884_, DGRAM),
	IP4(IP_PKTINFO, ANY),
	IP4(IP_RECVTTL, ANY),
	IP4(IP_RECVTOS, ANY),
	IP4(IP_RECVOPTS, ANY),
	IP4(IP_RETOPTS, ANY),
	IP4(IP_RECVORIGDSTADDR, ANY),
	IP4(IP_RECVFRAGSIZE_, DGRAM),
	IP4(IP_PASSSEC, ANY),
	IP4(IP_CHECKSUM, ANY),
	IP4(IP_MULTICAST_TTL, DGRAM),
	IP4(IP_MULTICAST_LOOP, DGRAM),
	IP4(IP_MULTICAST_ALL_, ANY),
	ROW(IPPROTO_IP, IP_HDRINCL, INET_V4, INET_RAW, EARLY),
	ROW(IPPROTO_IP, IP_NODEFRAG_, INET_V4, INET_RAW, EARLY),

	IP6(IPV6_TRANSPARENT, ANY),
	IP6(IPV6_FREEBIND_, ANY),
	IP6(IPV6_UNICAST_HOPS, ANY),
	IP6(IPV6_MULTICAST_HOPS, DGRAM),
	IP6(IPV6_MULTICAST_LOOP, DGRAM),
	IP6(IPV6_MULTICAST_IF, DGRAM),
	IP6(IPV6_MULTICAST_ALL_, ANY),
	IP6(IPV6_UNICAST_IF_, ANY),
	IP6(IPV6_MTU_DISCOVER, ANY),
	IP6(IPV6_RECVERR, ANY),
	IP6(IPV6_RECVERR_RFC4884_, DGRAM),
	IP6(IPV6_FLOWINFO_, ANY),
	IP6(IPV6_FLOWINFO_SEND_, ANY),
	IP6(IPV6_AUTOFLOWLABEL, ANY),
	IP6(IPV6_RECVPKTINFO, ANY),
	IP6(IPV6_2292PKTINFO_, ANY),
	IP6(IPV6_RECVHOPLIMIT, ANY),
	IP6(IPV6_2292HOPLIMIT_, ANY),
	IP6(IPV6_RECVRTHDR, ANY),
	IP6(IPV6_2292RTHDR_, ANY),
	IP6(IPV6_RECVHOPOPTS, ANY),
	IP6(IPV6_2292HOPOPTS_, ANY),
	IP6(IPV6_RECVDSTOPTS, ANY),
	IP6(IPV6_2292DSTOPTS_, ANY),
	IP6(IPV6_RECVTCLASS, ANY),
	IP6(IPV6_RECVPATHMTU, ANY),
	IP6(IPV6_RECVORIGDSTADDR, ANY),
	IP6(IPV6_RECVFRAGSIZE_, DGRAM),
	IP6(IPV6_TCLASS, ANY),
	IP6(IPV6_DONTFRAG, ANY),
	IP6(IPV6_ADDR_PREFERENCES, ANY),
	IP6(IPV6_MINHOPCOUNT, ANY),
	IP6(IPV6_HDRINCL, INET_RAW),
	IP6(IPV6_CHECKSUM, INET_RAW),

	TCP(TCP_NODELAY, EARLY),
	TCP(TCP_KEEPIDLE, EARLY),
	TCP(TCP_KEEPINTVL, EARLY),
	TCP(TCP_KEEPCNT, EARLY),
	TCP(TCP_SYNCNT, EARLY),
	TCP(TCP_LINGER2, EARLY),
	TCP(TCP_USER_TIMEOUT, EARLY),
	TCP(TCP_DEFER_ACCEPT, EARLY),
	TCP(TCP_WINDOW_CLAMP, UNCONNECTED),
	TCP(TCP_MAXSEG, UNCONNECTED),
	TCP(TCP_THIN_LINEAR_TIMEOUTS, EARLY),
	TCP(TCP_NOTSENT_LOWAT, EARLY),
	TCP(TCP_SAVE_SYN, UNCONNECTED),
	TCP(TCP_FASTOPEN, UNCONNECTED),
	TCP(TCP_FASTOPEN_CONNECT, UNCONNECTED),
	TCP(TCP_FASTOPEN_NO_COOKIE, UNCONNECTED),
	TCP(TCP_INQ, EARLY),
	TCP(TCP_TX_DELAY_, EARLY),
	TCP(TCP_RTO_MAX_MS_, EARLY),
	TCP(TCP_RTO_MIN_US_, EARLY),
	TCP(TCP_DELACK_MAX_US_, EARLY),
	TCP(TCP_CORK, LATE),

	UDP(UDP_CORK, LATE),
	UDP(UDP_NO_CHECK6_TX_, EARLY),
	UDP(UDP_NO_CHECK6_RX_, EARLY),
	UDP(UDP_SEGMENT_, EARLY),
	UDP(UDP_GRO_, EARLY),
	UDP(UDP_ENCAP, EARLY),
	ROW(IPPROTO_UDPLITE, UDPLITE_SEND_CSCOV_, ALL4, INET_UDPLITE, EARLY),
	ROW(IPPROTO_UDPLITE, UDPLITE_RECV_CSCOV_, ALL4, INET_UDPLITE, EARLY),
};

_Static_assert(ARRAY_SIZE(rows) <= INET_OPTIONS_MAX, "raise it");

unsigned int inet_sort(int family, int type, int protocol)
{
	unsigned int f = family == AF_INET ? INET_V4 : family == AF_INET6 ? INET_V6 : 0;

	if (!f)
		return 0;
	if (type == SOCK_RAW)
		return f | INET_RAW;
	if (type == SOCK_STREAM)
		return protocol == IPPROTO_TCP      ? f | INET_TCP
		       : protocol == MPTCP_PROTOCOL ? f | INET_MPTCP
						    : 0;
	if (type != SOCK_DGRAM)
		return 0;
	switch (protocol) {
	case IPPROTO_UDP:
		return f | INET_UDP;
	case IPPROTO_UDPLITE:
		return f | INET_UDPLITE;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return f | INET_RAW; /* "ping" sockets */
	default:
		return 0;
	}
}

static bool row_applies(const struct option_row *row, const InetSkEntry *e)
{
	unsigned int sort = inet_sort((int)e->family, (int)e->type, (int)e->proto);
	bool idle = e->state == TCP_LISTEN || (e->state == TCP_CLOSE && !e->shutdown);

	return row->families & sort && row->sorts & sort && (row->when != UNCONNECTED || idle) &&
	       (row->level != IPPROTO_IP || sort & INET_V4 || !(sort & INET_RAW));
}

/* --- dump ----------------------------------------------------------------------- */

static bool get(int fd, const struct option_row *row, int *ret)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, row->level, row->name, &value, &len) < 0)
		return false;
	/* IPv4 has options that answer with a byte where it fits. */
	if (len == 1)
		value = *(const uint8_t *)&value;
	else if (len != sizeof(value))
		return false;
	*ret = value;
	return true;
}

static void more_put(struct arena *a, InetSkEntry *e, const struct option_row *row, int value)
{
	InetOptEntry *o = arena_message(a, InetOptEntry, INET_OPT_ENTRY__INIT);

	if (!e->more_opts)
		e->more_opts = arena_array(a, InetOptEntry *, ARRAY_SIZE(rows));
	o->level = (uint32_t)row->level;
	o->name = (uint32_t)row->name;
	o->value = value;
	e->more_opts[e->n_more_opts++] = o;
}

/* The fields of the format. */
static void known_put(InetSkEntry *e, const struct option_row *row, int value)
{
	IpOptsEntry *ip = e->ip_opts;
	TcpOptsEntry *tcp = e->tcp_opts;

	if (row->level == IPPROTO_TCP && tcp) {
		switch (row->name) {
		case TCP_CORK:
			tcp->has_cork = tcp->cork = value;
			break;
		case TCP_NODELAY:
			tcp->has_nodelay = tcp->nodelay = value;
			break;
		case TCP_KEEPCNT:
			tcp->has_keepcnt = true;
			tcp->keepcnt = (uint32_t)value;
			break;
		case TCP_KEEPIDLE:
			tcp->has_keepidle = true;
			tcp->keepidle = (uint32_t)value;
			break;
		case TCP_KEEPINTVL:
			tcp->has_keepintvl = true;
			tcp->keepintvl = (uint32_t)value;
			break;
		}
	} else if (row->level == IPPROTO_IPV6 && row->name == IPV6_V6ONLY) {
		e->has_v6only = true;
		e->v6only = value;
	} else if (row->level == IPPROTO_IP && row->name == IP_FREEBIND) {
		ip->has_freebind = ip->freebind = value;
	} else if (row->level == IPPROTO_IP && row->name == IP_PKTINFO) {
		ip->has_pktinfo = ip->pktinfo = value;
	} else if (row->level == IPPROTO_IP && row->name == IP_TOS) {
		ip->has_tos = value;
		ip->tos = (uint32_t)value;
	}
}

static int ip_options_dump(struct arena *a, int fd, InetSkEntry *e)
{
	uint8_t buf[IP_OPTIONS_MAX];
	socklen_t len = sizeof(buf);

	if (e->family != AF_INET)
		return 0;
	/* MPTCP does not know them. */
	if (getsockopt(fd, IPPROTO_IP, IP_OPTIONS, buf, &len) < 0)
		return errno == EOPNOTSUPP ? 0 : fail(errno, "IP_OPTIONS");
	if (!len)
		return 0;
	e->has_ip_options = true;
	e->ip_options.len = len;
	e->ip_options.data = arena_dup(a, buf, len);
	return 0;
}

static void congestion_dump(struct arena *a, int fd, const struct inet_standard *s, TcpOptsEntry *t)
{
	char mine[CONGESTION_MAX] = "";
	socklen_t len = sizeof(mine) - 1;

	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, mine, &len) < 0)
		return;
	if (!str_eq(mine, s->congestion))
		t->congestion = arena_strdup(a, mine);
}

static void fastopen_key_dump(struct arena *a, int fd, int fresh, TcpOptsEntry *t)
{
	uint8_t mine[32], standard[32];
	socklen_t len = sizeof(mine), had = sizeof(standard);

	if (getsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, mine, &len) < 0 || !len ||
	    getsockopt(fresh, IPPROTO_TCP, TCP_FASTOPEN_KEY, standard, &had) < 0 ||
	    (len == had && memcmp(mine, standard, len) == 0))
		return;
	t->has_fastopen_key = true;
	t->fastopen_key.len = len;
	t->fastopen_key.data = arena_dup(a, mine, len);
}

static void multicast_if_dump(int fd, InetSkEntry *e)
{
	struct in_addr addr = { 0 };
	socklen_t len = sizeof(addr);

	if (e->type == SOCK_STREAM || getsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &addr, &len) < 0)
		return;
	e->has_multicast_if = addr.s_addr != 0;
	e->multicast_if = addr.s_addr;
}

/* ICMP_FILTER, ICMPV6_FILTER: which messages do not come. */
static void icmp_filter_dump(struct arena *a, int fd, int fresh, InetSkEntry *e)
{
	bool v6 = e->family == AF_INET6;
	socklen_t want = v6 ? ICMP6_FILTER_WORDS * 4 : 4, len = want, had = want;
	uint32_t mine[ICMP6_FILTER_WORDS], standard[ICMP6_FILTER_WORDS];
	int level = v6 ? IPPROTO_ICMPV6 : SOL_RAW, name = 1;

	if (e->type != SOCK_RAW || e->proto != (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) ||
	    getsockopt(fd, level, name, mine, &len) < 0 || len != want ||
	    getsockopt(fresh, level, name, standard, &had) < 0 || memcmp(mine, standard, want) == 0)
		return;
	e->ip_opts->raw = arena_message(a, IpOptsRawEntry, IP_OPTS_RAW_ENTRY__INIT);
	e->ip_opts->raw->n_icmpv_filter = want / 4;
	e->ip_opts->raw->icmpv_filter = arena_dup(a, mine, want);
}

/* Of one that is connected less is asked. */
void inet_standard_read(struct inet_standard *s, const InetSkEntry *like)
{
	InetSkEntry idle = *like;
	socklen_t len;

	idle.state = TCP_CLOSE;
	idle.shutdown = SK_SHUTDOWN__NONE;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		s->there[i] = row_applies(&rows[i], &idle) && get(s->fd, &rows[i], &s->value[i]);
	len = sizeof(s->congestion) - 1;
	getsockopt(s->fd, IPPROTO_TCP, TCP_CONGESTION, s->congestion, &len);
}

int inet_opts_dump(struct arena *a, int fd, const struct inet_standard *s, InetSkEntry *e)
{
	int fresh = s->fd, value;

	e->ip_opts = arena_message(a, IpOptsEntry, IP_OPTS_ENTRY__INIT);
	if (e->proto == IPPROTO_TCP && e->type == SOCK_STREAM)
		e->tcp_opts = arena_message(a, TcpOptsEntry, TCP_OPTS_ENTRY__INIT);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!s->there[i] || !row_applies(&rows[i], e) || !get(fd, &rows[i], &value))
			continue;
		known_put(e, &rows[i], value);
		if (value != s->value[i])
			more_put(a, e, &rows[i], value);
	}
	if (e->tcp_opts) {
		congestion_dump(a, fd, s, e->tcp_opts);
		if (e->state == TCP_LISTEN)
			fastopen_key_dump(a, fd, fresh, e->tcp_opts);
	}
	multicast_if_dump(fd, e);
	icmp_filter_dump(a, fd, fresh, e);
	return ip_options_dump(a, fd, e);
}

/* --- restore -------------------------------------------------------------------- */

static const struct option_row *row_of(const InetSkEntry *e, const InetOptEntry *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].level == (int)o->level && rows[i].name == (int)o->name &&
		    row_applies(&rows[i], e))
			return &rows[i];
	return NULL;
}

int inet_opts_load(const InetSkEntry *e)
{
	for (size_t i = 0; i < e->n_more_opts; i++)
		if (!row_of(e, e->more_opts[i]))
			return fail_plain("an inet socket with option %u of level %u",
					  e->more_opts[i]->name, e->more_opts[i]->level);
	if (e->has_ip_options && e->ip_options.len > IP_OPTIONS_MAX)
		return fail_plain("IP_OPTIONS of %zu bytes", e->ip_options.len);
	if (e->ip_opts && e->ip_opts->raw && e->ip_opts->raw->n_icmpv_filter > ICMP6_FILTER_WORDS)
		return fail_plain("an ICMP filter of %zu words", e->ip_opts->raw->n_icmpv_filter);
	return 0;
}

/* Names of our own end in an underscore. */
static int set(int fd, int level, int name, const char *text, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) == 0)
		return 0;
	return fail(errno, "%.*s %d", (int)(strlen(text) - str_ends(text, "_")), text, value);
}

static int more_set(int fd, const InetSkEntry *e, bool late)
{
	for (size_t i = 0; i < e->n_more_opts; i++) {
		const InetOptEntry *o = e->more_opts[i];
		const struct option_row *row = row_of(e, o);
		int ret = 0;

		if (row && (row->when == LATE) == late)
			ret = set(fd, row->level, row->name, row->text, o->value);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Of an image that has only the fields that the format knows. */
static int known_set(int fd, const InetSkEntry *e)
{
	const IpOptsEntry *ip = e->ip_opts;
	const TcpOptsEntry *t = e->tcp_opts;
	int ret = 0;

	if (e->n_more_opts)
		return 0;
	if (e->has_v6only && e->v6only)
		ret = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", 1);
	if (ret >= 0 && ip && ip->freebind)
		ret = set(fd, IPPROTO_IP, IP_FREEBIND, "IP_FREEBIND", 1);
	if (ret >= 0 && ip && ip->pktinfo)
		ret = set(fd, IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO", 1);
	if (ret >= 0 && ip && ip->has_tos)
		ret = set(fd, IPPROTO_IP, IP_TOS, "IP_TOS", (int)ip->tos);
	if (ret >= 0 && ip && ip->has_ttl)
		ret = set(fd, IPPROTO_IP, IP_TTL, "IP_TTL", (int)ip->ttl);
	if (ret >= 0 && t && t->nodelay)
		ret = set(fd, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", 1);
	if (ret >= 0 && t && t->has_keepcnt)
		ret = set(fd, IPPROTO_TCP, TCP_KEEPCNT, "TCP_KEEPCNT", (int)t->keepcnt);
	if (ret >= 0 && t && t->has_keepidle)
		ret = set(fd, IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE", (int)t->keepidle);
	if (ret >= 0 && t && t->has_keepintvl)
		ret = set(fd, IPPROTO_TCP, TCP_KEEPINTVL, "TCP_KEEPINTVL", (int)t->keepintvl);
	return ret;
}

static int bytes_set(int fd, int level, int name, const char *text, const void *data, size_t len)
{
	return setsockopt(fd, level, name, data, (socklen_t)len) < 0 ? fail(errno, "%s", text) : 0;
}

int inet_opts_restore_early(int fd, const InetSkEntry *e)
{
	const TcpOptsEntry *t = e->tcp_opts;
	const IpOptsRawEntry *raw = e->ip_opts ? e->ip_opts->raw : NULL;
	bool v6 = e->family == AF_INET6;
	int ret = more_set(fd, e, false);

	if (ret >= 0)
		ret = known_set(fd, e);
	if (ret >= 0 && e->has_ip_options)
		ret = bytes_set(fd, IPPROTO_IP, IP_OPTIONS, "IP_OPTIONS", e->ip_options.data,
				e->ip_options.len);
	if (ret >= 0 && t && t->congestion &&
	    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, t->congestion,
		       (socklen_t)strlen(t->congestion)) < 0)
		return fail_hint(fail(errno, "TCP_CONGESTION %s", t->congestion),
				 "load the module tcp_%s", t->congestion);
	if (ret >= 0 && t && t->has_fastopen_key)
		ret = bytes_set(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, "TCP_FASTOPEN_KEY",
				t->fastopen_key.data, t->fastopen_key.len);
	if (ret >= 0 && e->has_multicast_if)
		ret = bytes_set(fd, IPPROTO_IP, IP_MULTICAST_IF, "IP_MULTICAST_IF",
				&e->multicast_if, sizeof(e->multicast_if));
	if (ret >= 0 && raw && raw->n_icmpv_filter)
		ret = bytes_set(fd, v6 ? IPPROTO_ICMPV6 : SOL_RAW, 1, "ICMP_FILTER",
				raw->icmpv_filter, raw->n_icmpv_filter * sizeof(uint32_t));
	return ret;
}

int inet_opts_restore_late(int fd, const InetSkEntry *e)
{
	int ret = more_set(fd, e, true);

	if (ret >= 0 && !e->n_more_opts && e->tcp_opts && e->tcp_opts->cork)
		ret = set(fd, IPPROTO_TCP, TCP_CORK, "TCP_CORK", 1);
	return ret;
}
