// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's lists of inet sockets: sockets of each sort, then messages that are not whole. */
#include "criu/kernel/inet_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/unit/test.h"

struct wanted {
	uint32_t ino;
	struct inet_diag s;
	bool found;
};

static int look(const struct inet_diag *s, void *ctx)
{
	struct wanted *w = ctx;

	if (s->ino != w->ino)
		return 0;
	w->found = true;
	w->s = *s;
	return 0;
}

static struct wanted find(int fd, int family, int protocol)
{
	struct wanted w = { .found = false };
	struct stat st;

	CHECK_INT_EQ(fstat(fd, &st), 0);
	w.ino = (uint32_t)st.st_ino;
	CHECK_INT_EQ(inet_diag_each(family, protocol, ~0u, look, &w), 0);
	CHECK(w.found);
	return w;
}

TEST(kernel_inet_diag_udp)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct wanted w;

	CHECK_INT_EQ(connect(fd, (void *)&a, sizeof(a)), 0);
	CHECK_INT_EQ(shutdown(fd, SHUT_WR), 0);
	w = find(fd, AF_INET, IPPROTO_UDP);
	CHECK_INT_EQ(w.s.family, AF_INET);
	CHECK_INT_EQ(w.s.dst_port, htons(9));
	CHECK(memcmp(w.s.dst, &a.sin_addr, 4) == 0);
	CHECK(w.s.has_shutdown);
	CHECK_INT_EQ(w.s.shutdown, 2);
	close(fd);
}

TEST(kernel_inet_diag_tcp)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct tcp_md5sig sig = { .tcpm_keylen = 3, .tcpm_key = "abc" };
	struct wanted w;

	memcpy(&sig.tcpm_addr, &a, sizeof(a));
	CHECK_INT_EQ(bind(fd, (void *)&a, sizeof(a)), 0);
	CHECK_INT_EQ(listen(fd, 3), 0);
	w = find(fd, AF_INET6, IPPROTO_TCP);
	CHECK_INT_EQ(w.s.state, TCP_LISTEN);
	CHECK_INT_EQ(w.s.nr_md5, 0);
	/* A kernel without it, or an unprivileged user: no key. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &sig, sizeof(sig)) == 0 && geteuid() == 0) {
		w = find(fd, AF_INET6, IPPROTO_TCP);
		CHECK_INT_EQ(w.s.nr_md5, 1);
		CHECK_INT_EQ(w.s.md5[0].key_len, 3);
		CHECK_INT_EQ(w.s.md5[0].prefix, 128);
		CHECK(memcmp(w.s.md5[0].key, "abc", 3) == 0);
		CHECK(memcmp(w.s.md5[0].addr, &a.sin6_addr, 16) == 0);
	}
	close(fd);
}

/* A message with an attribute of `len` bytes. */
static size_t message(uint8_t *buf, int family, int type, size_t len)
{
	struct nlmsghdr *h = (void *)buf;
	struct inet_diag_msg *m = NLMSG_DATA(h);
	struct nlattr *a = (void *)(buf + NLMSG_SPACE(sizeof(*m)));

	memset(buf, 0, 8192);
	m->idiag_family = (uint8_t)family;
	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	h->nlmsg_len = (uint32_t)(NLMSG_SPACE(sizeof(*m)) + NLA_ALIGN(a->nla_len));
	return h->nlmsg_len;
}

TEST(kernel_inet_diag_hostile)
{
	static uint8_t buf[8192] __attribute__((aligned(8)));
	struct inet_diag s, before;
	struct nlmsghdr *h = (void *)buf;
	size_t len;

	memset(&before, 0x5a, sizeof(before));
	s = before;
	message(buf, AF_UNIX, INET_DIAG_SHUTDOWN, 1);
	CHECK_INT_EQ(inet_diag_parse(h, &s), -EBADMSG);
	message(buf, AF_INET, INET_DIAG_SHUTDOWN, 2);
	CHECK_INT_EQ(inet_diag_parse(h, &s), -EBADMSG);
	message(buf, AF_INET, INET_DIAG_MD5SIG, 99);
	CHECK_INT_EQ(inet_diag_parse(h, &s), -EBADMSG);
	message(buf, AF_INET, INET_DIAG_MD5SIG, 100 * 33);
	CHECK_INT_EQ(inet_diag_parse(h, &s), -E2BIG);
	/* A key longer than keys can be. */
	message(buf, AF_INET, INET_DIAG_MD5SIG, 100);
	memset(buf + NLMSG_SPACE(sizeof(struct inet_diag_msg)) + NLA_HDRLEN, 0xff, 100);
	CHECK_INT_EQ(inet_diag_parse(h, &s), -EBADMSG);
	CHECK(memcmp(&s, &before, sizeof(s)) == 0);
	/* Cut anywhere it is whole or an error, and nothing behind the end is read. */
	len = message(buf, AF_INET, INET_DIAG_MD5SIG, 300);
	for (size_t cut = NLMSG_HDRLEN; cut <= len; cut++) {
		struct nlmsghdr *copy = malloc(cut);

		memcpy(copy, buf, cut);
		copy->nlmsg_len = (uint32_t)cut;
		if (inet_diag_parse(copy, &s) == 0)
			CHECK_INT_EQ(s.nr_md5, 0);
		free(copy);
	}
	message(buf, AF_INET6, INET_DIAG_SHUTDOWN, 1);
	CHECK_INT_EQ(inet_diag_parse(h, &s), 0);
	CHECK(s.has_shutdown);
}
