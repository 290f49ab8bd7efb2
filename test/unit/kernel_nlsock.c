// SPDX-License-Identifier: GPL-2.0-only
/* Netlink: a dump of many parts, one object, errors; attributes that are not whole. */
#include "criu/kernel/nlsock.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/mem.h"
#include "test/unit/test.h"

#define PAIRS 3000

struct seen {
	ino_t wanted;
	int messages, found;
};

static int look(const struct nlmsghdr *h, void *ctx)
{
	const struct unix_diag_msg *m = NLMSG_DATA(h);
	struct seen *s = ctx;

	s->messages++;
	s->found += m->udiag_ino == s->wanted;
	return 0;
}

static int stop(const struct nlmsghdr *h, void *ctx)
{
	(void)h;
	++*(int *)ctx;
	return -ECANCELED;
}

TEST(kernel_nlsock_dumps_all)
{
	struct unix_diag_req req = { .sdiag_family = AF_UNIX, .udiag_states = ~0u };
	struct seen seen = { 0 };
	struct nlsock *s;
	struct stat st;
	int sv[2], calls = 0;

	for (int i = 0; i < PAIRS; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
			break;
	CHECK_INT_EQ(fstat(sv[0], &st), 0);
	seen.wanted = st.st_ino;
	CHECK_INT_EQ(nlsock_open(NETLINK_SOCK_DIAG, &s), 0);
	CHECK_INT_EQ(nlsock_dump(s, SOCK_DIAG_BY_FAMILY, &req, sizeof(req), look, &seen), 0);
	CHECK(seen.messages > sv[1] - 10);
	CHECK_INT_EQ(seen.found, 1);
	/* The next request does not see what is left of one that was ended. */
	CHECK_INT_EQ(nlsock_dump(s, SOCK_DIAG_BY_FAMILY, &req, sizeof(req), stop, &calls),
		     -ECANCELED);
	CHECK_INT_EQ(calls, 1);
	seen = (struct seen){ .wanted = st.st_ino };
	CHECK_INT_EQ(nlsock_dump(s, SOCK_DIAG_BY_FAMILY, &req, sizeof(req), look, &seen), 0);
	CHECK_INT_EQ(seen.found, 1);
	nlsock_close(s);
}

TEST(kernel_nlsock_asks_for_one)
{
	struct unix_diag_req req = { .sdiag_family = AF_UNIX,
				     .udiag_states = ~0u,
				     .udiag_cookie = { ~0u, ~0u } };
	struct seen seen = { 0 };
	struct nlsock *s;
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	CHECK_INT_EQ(fstat(fd, &st), 0);
	req.udiag_ino = (uint32_t)st.st_ino;
	seen.wanted = st.st_ino;
	CHECK_INT_EQ(nlsock_open(NETLINK_SOCK_DIAG, &s), 0);
	CHECK_INT_EQ(nlsock_ask(s, SOCK_DIAG_BY_FAMILY, &req, sizeof(req), look, &seen), 0);
	CHECK_INT_EQ(seen.found, 1);
	close(fd);
	CHECK_INT_EQ(nlsock_ask(s, SOCK_DIAG_BY_FAMILY, &req, sizeof(req), look, &seen), -ENOENT);
	req.sdiag_family = AF_APPLETALK; /* nobody answers for it */
	CHECK_INT_EQ(nlsock_dump(s, SOCK_DIAG_BY_FAMILY, &req, sizeof(req), look, &seen), -ENOENT);
	CHECK_INT_EQ(nlsock_dump(s, SOCK_DIAG_BY_FAMILY + 50, &req, sizeof(req), look, &seen),
		     -EINVAL);
	CHECK_INT_EQ(seen.messages, 1);
	nlsock_close(s);
}

struct message {
	struct nlmsghdr h;
	uint8_t data[64];
};

static void put(struct message *m, uint16_t type, uint16_t len, const void *data, size_t size)
{
	struct nlattr a = { len, type };
	uint8_t *at = (uint8_t *)m + m->h.nlmsg_len;

	memcpy(at, &a, sizeof(a));
	memcpy(at + sizeof(a), data, size);
	m->h.nlmsg_len += (uint32_t)(sizeof(a) + NLMSG_ALIGN(size));
}

TEST(kernel_nlsock_attributes)
{
	const struct nlattr *a[4];
	struct message m = { .h.nlmsg_len = NLMSG_HDRLEN + 8 };

	CHECK_INT_EQ(nlsock_attrs(&m.h, 8, a, 3), 0);
	CHECK(!a[0] && !a[3]);
	CHECK_INT_EQ(nlsock_attrs(&m.h, 9, a, 3), -EBADMSG);
	put(&m, 2, 4 + 3, "abc", 3);
	put(&m, 7, 4, "", 0);
	put(&m, 3 | NLA_F_NESTED, 4 + 5, "abcde", 5);
	CHECK_INT_EQ(nlsock_attrs(&m.h, 8, a, 3), 0);
	if (!CHECK(a[2] && a[3] && !a[1]))
		return;
	CHECK_INT_EQ(nlsock_attr_len(a[2]), 3);
	CHECK(!memcmp(nlsock_attr_data(a[3]), "abcde", 5));
	/* Without the padding of the last one it is whole, without its last byte it is not. */
	m.h.nlmsg_len -= 3;
	CHECK_INT_EQ(nlsock_attrs(&m.h, 8, a, 3), 0);
	m.h.nlmsg_len -= 1;
	CHECK_INT_EQ(nlsock_attrs(&m.h, 8, a, 3), -EBADMSG);
	m.h.nlmsg_len = NLMSG_HDRLEN + 8 + 2;
	CHECK_INT_EQ(nlsock_attrs(&m.h, 8, a, 3), -EBADMSG);
	m.h.nlmsg_len = NLMSG_HDRLEN + 8;
	put(&m, 1, 2, "", 0);
	CHECK_INT_EQ(nlsock_attrs(&m.h, 8, a, 3), -EBADMSG);
}
