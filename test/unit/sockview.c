// SPDX-License-Identifier: GPL-2.0-only
/* Whoever sets an option of a connection changes what the view shows of it. */
#include "criu/kernel/sockview.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "criu/base/mem.h"
#include "test/unit/test.h"

/* Headers are older than the kernels that have these. */
#define OPT(level, name, value)                                                                    \
	{                                                                                          \
		level, name, value, #name                                                          \
	}

static const struct {
	int level, name, value;
	const char *text;
} options[] = {
	OPT(SOL_SOCKET, SO_REUSEADDR, 1),
	OPT(SOL_SOCKET, SO_REUSEPORT, 1),
	OPT(SOL_SOCKET, SO_DEBUG, 1),
	OPT(SOL_SOCKET, SO_DONTROUTE, 1),
	OPT(SOL_SOCKET, SO_BROADCAST, 1),
	OPT(SOL_SOCKET, SO_MARK, 7),
	OPT(SOL_SOCKET, SO_PRIORITY, 3),
	OPT(SOL_SOCKET, SO_NO_CHECK, 1),
	OPT(SOL_SOCKET, SO_KEEPALIVE, 1),
	OPT(SOL_SOCKET, SO_OOBINLINE, 1),
	OPT(SOL_SOCKET, 40 /* SO_RXQ_OVFL */, 1),
	OPT(SOL_SOCKET, 41 /* SO_WIFI_STATUS */, 1),
	OPT(SOL_SOCKET, 45 /* SO_SELECT_ERR_QUEUE */, 1),
	OPT(SOL_SOCKET, 46 /* SO_BUSY_POLL */, 50),
	OPT(SOL_SOCKET, 49 /* SO_INCOMING_CPU */, 3),
	OPT(SOL_SOCKET, 60 /* SO_ZEROCOPY */, 1),
	OPT(SOL_SOCKET, 69 /* SO_PREFER_BUSY_POLL */, 1),
	OPT(SOL_SOCKET, 72 /* SO_BUF_LOCK */, 2),
	OPT(SOL_SOCKET, 74 /* SO_TXREHASH */, 0),
	OPT(SOL_SOCKET, 75 /* SO_RCVMARK */, 1),
	OPT(SOL_SOCKET, 82 /* SO_RCVPRIORITY */, 1),
	OPT(SOL_SOCKET, 42 /* SO_PEEK_OFF */, 5),
	OPT(SOL_SOCKET, SO_RCVLOWAT, 77),
	OPT(SOL_SOCKET, 29 /* SO_TIMESTAMP_OLD */, 1),
	OPT(SOL_SOCKET, 64 /* SO_TIMESTAMPNS_NEW */, 1),
	OPT(SOL_SOCKET, 37 /* SO_TIMESTAMPING_OLD */, 1 << 4),
	OPT(SOL_SOCKET, 47 /* SO_MAX_PACING_RATE */, 123456),
	OPT(SOL_SOCKET, 62 /* SO_BINDTOIFINDEX */, 1),
	OPT(IPPROTO_IP, IP_FREEBIND, 1),
	OPT(IPPROTO_IP, IP_TRANSPARENT, 1),
	OPT(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1),
	OPT(IPPROTO_IP, 51 /* IP_LOCAL_PORT_RANGE */, (int)(50000u << 16 | 40000u)),
	OPT(IPPROTO_IP, IP_TOS, 0x10),
	OPT(IPPROTO_IP, IP_TTL, 77),
	OPT(IPPROTO_IP, IP_MINTTL, 5),
	OPT(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO),
	OPT(IPPROTO_IP, IP_RECVERR, 1),
	OPT(IPPROTO_IP, IP_PKTINFO, 1),
	OPT(IPPROTO_IP, IP_RECVTTL, 1),
	OPT(IPPROTO_IP, IP_RECVTOS, 1),
	OPT(IPPROTO_IP, IP_RECVOPTS, 1),
	OPT(IPPROTO_IP, IP_RETOPTS, 1),
	OPT(IPPROTO_IP, IP_RECVORIGDSTADDR, 1),
	OPT(IPPROTO_IP, IP_PASSSEC, 1),
	OPT(IPPROTO_IP, IP_CHECKSUM, 1),
	OPT(IPPROTO_IP, 49 /* IP_MULTICAST_ALL */, 0),
	OPT(IPPROTO_TCP, TCP_NODELAY, 1),
	OPT(IPPROTO_TCP, TCP_CORK, 1),
	OPT(IPPROTO_TCP, TCP_KEEPIDLE, 77),
	OPT(IPPROTO_TCP, TCP_KEEPINTVL, 77),
	OPT(IPPROTO_TCP, TCP_KEEPCNT, 7),
	OPT(IPPROTO_TCP, TCP_SYNCNT, 7),
	OPT(IPPROTO_TCP, TCP_LINGER2, 7),
	OPT(IPPROTO_TCP, TCP_USER_TIMEOUT, 7000),
	OPT(IPPROTO_TCP, TCP_DEFER_ACCEPT, 7),
	OPT(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1),
	OPT(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 7777),
	OPT(IPPROTO_TCP, TCP_INQ, 1),
	OPT(IPPROTO_TCP, 37 /* TCP_TX_DELAY */, 7),
	OPT(IPPROTO_TCP, 44 /* TCP_RTO_MAX_MS */, 2000),
	OPT(IPPROTO_TCP, 45 /* TCP_RTO_MIN_US */, 50000),
	OPT(IPPROTO_TCP, 46 /* TCP_DELACK_MAX_US */, 20000),
};

/* The ends of a connection. */
static void connection(int ret[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(listener, (void *)&addr, len) == 0 && listen(listener, 1) == 0);
	CHECK(getsockname(listener, (void *)&addr, &len) == 0);
	ret[0] = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(ret[0], (void *)&addr, sizeof(addr)) == 0);
	ret[1] = accept(listener, NULL, NULL);
	close(listener);
}

static struct sockview_socket look(int fd)
{
	cleanup_sockview struct sockview v = { 0 };
	struct sockview_socket ret = { 0 };
	const struct sockview_socket *s;
	int r = sockview_read(&v);

	if (r == -ENOENT)
		test_skip("types of the kernel (CONFIG_DEBUG_INFO_BTF)");
	CHECK_INT_EQ(r, 0);
	s = sockview_find(&v, fd);
	if (CHECK(s != NULL))
		ret = *s;
	return ret;
}

static bool same(const struct sockview_socket *a, const struct sockview_socket *b)
{
	return memcmp(a->state, b->state, SOCKVIEW_BYTES) == 0;
}

/* One that this kernel does not have leaves all as it is. */
static void check_set(int fd, int level, int name, const void *value, size_t size, const char *text)
{
	struct sockview_socket before = look(fd), after;

	if (setsockopt(fd, level, name, value, (socklen_t)size) < 0) {
		if (!CHECK(errno == ENOPROTOOPT || errno == EOPNOTSUPP))
			fprintf(stderr, "%s: %s\n", text, strerror(errno));
		return;
	}
	after = look(fd);
	if (!CHECK(!same(&before, &after)))
		fprintf(stderr, "%s is not in the view\n", text);
}

TEST(sockview_shows_options)
{
	struct linger linger = { 1, 7 };
	struct timeval tv = { 7, 0 };
	struct sock_filter code = { BPF_RET | BPF_K, 0, 0, 0x40000 };
	struct sock_fprog filter = { 1, &code };
	uint8_t ip_options[4] = { 1, 1, 1, 0 };
	struct {
		int32_t clock;
		uint32_t flags;
	} txtime = { 1, 1 };
	int fd[2];

	connection(fd);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		check_set(fd[0], options[i].level, options[i].name, &options[i].value,
			  sizeof(options[i].value), options[i].text);
	check_set(fd[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger), "SO_LINGER");
	check_set(fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv), "SO_RCVTIMEO");
	check_set(fd[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv), "SO_SNDTIMEO");
	check_set(fd[0], SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter), "SO_ATTACH_FILTER");
	check_set(fd[0], SOL_SOCKET, SO_LOCK_FILTER, &(int){ 1 }, sizeof(int), "SO_LOCK_FILTER");
	check_set(fd[0], SOL_SOCKET, 61 /* SO_TXTIME */, &txtime, sizeof(txtime), "SO_TXTIME");
	check_set(fd[0], IPPROTO_IP, IP_OPTIONS, ip_options, sizeof(ip_options), "IP_OPTIONS");
	check_set(fd[1], IPPROTO_TCP, TCP_CONGESTION, "reno", 4, "TCP_CONGESTION");
	close(fd[0]);
	close(fd[1]);
}

TEST(sockview_of_like_connections)
{
	struct sockview_socket v[2];
	int fd[2][2];

	for (int i = 0; i < 2; i++) {
		connection(fd[i]);
		/* The processor that the last packet came on. */
		CHECK(setsockopt(fd[i][0], SOL_SOCKET, SO_INCOMING_CPU, &(int){ 0 }, sizeof(int)) ==
		      0);
		CHECK(setsockopt(fd[i][0], IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)) ==
		      0);
		v[i] = look(fd[i][0]);
	}
	CHECK_INT_EQ(v[0].fd, fd[0][0]);
	CHECK(same(&v[0], &v[1]));
	CHECK(setsockopt(fd[0][0], IPPROTO_TCP, TCP_NODELAY, &(int){ 0 }, sizeof(int)) == 0);
	v[0] = look(fd[0][0]);
	CHECK(!same(&v[0], &v[1]));
	for (int i = 0; i < 2; i++) {
		close(fd[i][0]);
		close(fd[i][1]);
	}
}
