// SPDX-License-Identifier: GPL-2.0-only
/* Options of IP, IPv6, TCP and UDP that are not as of a new socket; the others stay as they are. */
#include "zdtmtst.h"

#include <errno.h>
#include <linux/in6.h>
#include <net.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

static const struct option {
	int level, name, value;
	const char *text;
	int family, type; /* 0: both */
} options[] = {
#define OPTION(level, name, value, family, type)                                                   \
	{                                                                                          \
		level, name, value, #name, family, type                                            \
	}
	OPTION(IPPROTO_IP, IP_TOS, 0x10, 0, 0),
	OPTION(IPPROTO_IP, IP_TTL, 33, 0, 0),
	OPTION(IPPROTO_IP, IP_FREEBIND, 1, 0, 0),
	OPTION(IPPROTO_IP, IP_TRANSPARENT, 1, 0, 0),
	OPTION(IPPROTO_IP, IP_PKTINFO, 1, 0, 0),
	OPTION(IPPROTO_IP, IP_RECVTTL, 1, 0, 0),
	OPTION(IPPROTO_IP, IP_RECVTOS, 1, 0, 0),
	OPTION(IPPROTO_IP, IP_RECVERR, 1, 0, 0),
	OPTION(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE, 0, 0),
	OPTION(IPPROTO_IP, IP_MINTTL, 5, 0, 0),
	OPTION(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, 0, 0),
	OPTION(IPPROTO_IP, IP_MULTICAST_TTL, 7, 0, SOCK_DGRAM),
	OPTION(IPPROTO_IP, IP_MULTICAST_LOOP, 0, 0, SOCK_DGRAM),
	OPTION(IPPROTO_IP, IP_MULTICAST_ALL, 0, 0, SOCK_DGRAM),
	OPTION(IPPROTO_IPV6, IPV6_V6ONLY, 1, AF_INET6, 0),
	OPTION(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 44, AF_INET6, 0),
	OPTION(IPPROTO_IPV6, IPV6_TCLASS, 0x20, AF_INET6, 0),
	OPTION(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, AF_INET6, 0),
	OPTION(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, AF_INET6, 0),
	OPTION(IPPROTO_IPV6, IPV6_RECVTCLASS, 1, AF_INET6, 0),
	OPTION(IPPROTO_IPV6, IPV6_RECVERR, 1, AF_INET6, 0),
	OPTION(IPPROTO_IPV6, IPV6_DONTFRAG, 1, AF_INET6, 0),
	OPTION(IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0, AF_INET6, 0),
	OPTION(IPPROTO_IPV6, IPV6_MINHOPCOUNT, 3, AF_INET6, 0),
	OPTION(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 9, AF_INET6, SOCK_DGRAM),
	OPTION(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0, AF_INET6, SOCK_DGRAM),
	OPTION(IPPROTO_IPV6, IPV6_MULTICAST_IF, 1, AF_INET6, SOCK_DGRAM),
	OPTION(IPPROTO_TCP, TCP_NODELAY, 1, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_CORK, 1, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_KEEPIDLE, 101, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_KEEPINTVL, 11, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_KEEPCNT, 5, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_SYNCNT, 4, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_LINGER2, 20, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_DEFER_ACCEPT, 3, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT, 12345, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 8192, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_MAXSEG, 1000, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_SAVE_SYN, 1, 0, SOCK_STREAM),
	OPTION(IPPROTO_TCP, TCP_INQ, 1, 0, SOCK_STREAM),
	OPTION(IPPROTO_UDP, UDP_CORK, 1, 0, SOCK_DGRAM),
	OPTION(IPPROTO_UDP, 101 /* UDP_NO_CHECK6_TX */, 1, AF_INET6, SOCK_DGRAM),
	OPTION(IPPROTO_UDP, 103 /* UDP_SEGMENT */, 1200, 0, SOCK_DGRAM),
	OPTION(IPPROTO_UDP, 104 /* UDP_GRO */, 1, 0, SOCK_DGRAM),
};
#define NR (sizeof(options) / sizeof(options[0]))

static const struct {
	int family, type;
} sorts[] = { { AF_INET, SOCK_STREAM },
	      { AF_INET6, SOCK_STREAM },
	      { AF_INET, SOCK_DGRAM },
	      { AF_INET6, SOCK_DGRAM } };

/* -1: this sort of socket has no such option. */
static int get(int fd, const struct option *o)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, o->level, o->name, &value, &len) < 0 ? -1 : value;
}

static bool applies(size_t sort, const struct option *o)
{
	return (!o->family || o->family == sorts[sort].family) &&
	       (!o->type || o->type == sorts[sort].type);
}

int main(int argc, char **argv)
{
	int set[4][NR], standard[4][NR], fd[4], plain[4];
	char name[16] = "";
	socklen_t len = sizeof(name);

	test_init(argc, argv);
	for (size_t s = 0; s < 4; s++) {
		fd[s] = must(socket(sorts[s].family, sorts[s].type, 0));
		plain[s] = must(socket(sorts[s].family, sorts[s].type, 0));
		for (size_t i = 0; i < NR; i++) {
			const struct option *o = &options[i];

			standard[s][i] = get(plain[s], o);
			if (applies(s, o) &&
			    setsockopt(fd[s], o->level, o->name, &o->value, sizeof(o->value)) < 0)
				expect(errno == ENOPROTOOPT, "%s: errno %d", o->text, errno);
			set[s][i] = get(fd[s], o);
		}
	}
	must(setsockopt(fd[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	test_daemon();
	test_waitsig();

	for (size_t s = 0; s < 4; s++) {
		for (size_t i = 0; i < NR; i++) {
			const struct option *o = &options[i];

			if (get(fd[s], o) != set[s][i])
				fail("sort %zu: %s is %d instead of %d", s, o->text, get(fd[s], o),
				     set[s][i]);
			if (get(plain[s], o) != standard[s][i])
				fail("sort %zu: %s of another is %d", s, o->text, get(plain[s], o));
		}
	}
	must(getsockopt(fd[0], IPPROTO_TCP, TCP_CONGESTION, name, &len));
	if (strcmp(name, "reno") != 0)
		return fail("TCP_CONGESTION is %s", name);
	return pass();
}
