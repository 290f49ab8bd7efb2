// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's list of unix sockets: sockets of each sort, then messages that are not whole. */
#include "criu/kernel/unix_diag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "test/unit/test.h"

struct wanted {
	uint32_t ino;
	struct unix_diag u;
	uint32_t pending[4];
	bool found;
};

static int look(const struct unix_diag *u, void *ctx)
{
	struct wanted *w = ctx;

	if (u->ino != w->ino)
		return 0;
	w->found = true;
	w->u = *u;
	for (size_t i = 0; i < u->nr_pending && i < 4; i++)
		w->pending[i] = u->pending[i];
	return 0;
}

static uint32_t ino_of(int fd)
{
	struct stat st;

	CHECK_INT_EQ(fstat(fd, &st), 0);
	return (uint32_t)st.st_ino;
}

static struct wanted find(int fd)
{
	struct wanted w = { .ino = ino_of(fd) };

	CHECK_INT_EQ(unix_diag_each(look, &w), 0);
	CHECK(w.found);
	return w;
}

TEST(kernel_unix_diag_pair)
{
	struct wanted w;
	int sv[2];

	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK_INT_EQ(write(sv[0], "hello", 5), 5);
	CHECK_INT_EQ(shutdown(sv[1], SHUT_WR), 0);
	w = find(sv[1]);
	CHECK_INT_EQ(w.u.type, SOCK_STREAM);
	CHECK_INT_EQ(w.u.state, 1);
	CHECK_INT_EQ(w.u.shutdown, 2);
	CHECK(w.u.has_peer && w.u.peer == ino_of(sv[0]));
	CHECK_INT_EQ(w.u.queued, 5);
	CHECK(!w.u.has_file && !w.u.name_len);
	close(sv[0]);
	w = find(sv[1]);
	CHECK(w.u.has_peer && w.u.peer == 0);
	CHECK_INT_EQ(w.u.shutdown, 3);
}

TEST(kernel_unix_diag_listener)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0), a = socket(AF_UNIX, SOCK_STREAM, 0),
	    b = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct wanted w;
	struct stat st;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", test_dir());
	CHECK_INT_EQ(bind(s, (void *)&addr, sizeof(addr)), 0);
	CHECK_INT_EQ(stat(addr.sun_path, &st), 0);
	CHECK_INT_EQ(listen(s, 5), 0);
	CHECK_INT_EQ(connect(a, (void *)&addr, sizeof(addr)), 0);
	CHECK_INT_EQ(connect(b, (void *)&addr, sizeof(addr)), 0);
	w = find(s);
	CHECK_INT_EQ(w.u.state, 10);
	CHECK_INT_EQ(w.u.queued, 2);
	CHECK_INT_EQ(w.u.sent, 5);
	CHECK_INT_EQ(w.u.nr_pending, 2);
	CHECK_INT_EQ(w.pending[0], ino_of(a));
	CHECK_INT_EQ(w.pending[1], ino_of(b));
	CHECK(w.u.has_file && w.u.file_ino == (uint32_t)st.st_ino);
	CHECK_STR_EQ((char *)w.u.name, addr.sun_path);
	w = find(a);
	CHECK(w.u.has_peer && w.u.peer == 0 && w.u.state == 1 && w.u.shutdown == 0);
}

TEST(kernel_unix_diag_abstract)
{
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "\0crtool-unit" };
	struct wanted w;

	CHECK_INT_EQ(bind(s, (void *)&addr, sizeof(sa_family_t) + 12), 0);
	w = find(s);
	CHECK_INT_EQ(w.u.name_len, 12);
	CHECK(!memcmp(w.u.name, "\0crtool-unit", 12));
	CHECK(!w.u.has_file && !w.u.has_peer);
	CHECK_INT_EQ(w.u.state, 7);
}

/* A message of the kernel, then each of its lengths changed, then cut. */
struct message {
	struct nlmsghdr h;
	struct unix_diag_msg m;
	uint8_t data[256];
};

static void put(struct message *m, uint16_t type, const void *data, size_t size)
{
	struct nlattr a = { (uint16_t)(sizeof(a) + size), type };
	uint8_t *at = (uint8_t *)m + m->h.nlmsg_len;

	memcpy(at, &a, sizeof(a));
	memcpy(at + sizeof(a), data, size);
	m->h.nlmsg_len += (uint32_t)(sizeof(a) + NLMSG_ALIGN(size));
}

static struct message sample(void)
{
	struct message m = { .h.nlmsg_len = NLMSG_LENGTH(sizeof(m.m)),
			     .m = { .udiag_family = AF_UNIX, .udiag_type = SOCK_STREAM } };
	const uint32_t pending[] = { 5, 6, 0 }, peer = 7;
	const struct unix_diag_rqlen len = { 3, 4 };

	put(&m, UNIX_DIAG_NAME, "/a/b", 5);
	put(&m, UNIX_DIAG_PEER, &peer, sizeof(peer));
	put(&m, UNIX_DIAG_ICONS, pending, sizeof(pending));
	put(&m, UNIX_DIAG_RQLEN, &len, sizeof(len));
	put(&m, UNIX_DIAG_SHUTDOWN, "\2", 1);
	put(&m, 77, "from a later kernel", 19);
	return m;
}

TEST(kernel_unix_diag_hostile)
{
	struct message m = sample();
	struct unix_diag u;

	CHECK_INT_EQ(unix_diag_parse(&m.h, &u), 0);
	CHECK_INT_EQ(u.nr_pending, 3);
	CHECK_INT_EQ(u.shutdown, 2);
	CHECK_INT_EQ(u.peer, 7);
	for (uint32_t len = 0; len < m.h.nlmsg_len; len++) {
		/* In a block of just this size, so that the sanitizer sees a byte too many. */
		size_t size = len < sizeof(m.h) ? sizeof(m.h) : len;
		struct message *cut = malloc(size);

		memcpy(cut, &m, size);
		cut->h.nlmsg_len = len;
		CHECK(unix_diag_parse(&cut->h, &u) <= 0);
		free(cut);
	}
	for (size_t at = sizeof(m.h); at < m.h.nlmsg_len; at++)
		for (int byte = 0; byte < 256; byte += 5) {
			struct message *bad = malloc(m.h.nlmsg_len);

			memcpy(bad, &m, m.h.nlmsg_len);
			((uint8_t *)bad)[at] = (uint8_t)byte;
			if (unix_diag_parse(&bad->h, &u) == 0) {
				CHECK(u.name_len <= UNIX_NAME_MAX && u.nr_pending < 64);
				for (size_t i = 0; i < u.nr_pending; i++)
					CHECK(u.pending[i] != 0xdeadbeef);
			}
			free(bad);
		}
}
