// SPDX-License-Identifier: GPL-2.0-only
/* What only an iterator shows of sockets: rings of packet sockets, queues that nobody accepted. */
#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "criu/base/arena.h"
#include "criu/base/cleanup.h"
#include "criu/kernel/packet_ring.h"
#include "criu/kernel/unix_unread.h"
#include "test/unit/test.h"

static uint64_t ino_of(int fd)
{
	struct stat st = { 0 };

	CHECK_INT_EQ(fstat(fd, &st), 0);
	return st.st_ino;
}

static bool is_missing(int r)
{
	return r == -ENOENT; /* CONFIG_DEBUG_INFO_BTF */
}

TEST(kernel_packet_position_of_a_new_ring)
{
	struct tpacket_req3 req = { .tp_block_size = 4096,
				    .tp_block_nr = 2,
				    .tp_frame_size = 2048,
				    .tp_frame_nr = 4,
				    .tp_retire_blk_tov = 1000 };
	cleanup_close int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	cleanup_close int reader = packet_position_open();
	struct packet_position p = { .rx_frame = 7 };
	int version = TPACKET_V3;

	if ((fd < 0 && errno == EAFNOSUPPORT) || is_missing(reader))
		test_skip("packet sockets, or BPF iterators");
	CHECK_INT_EQ(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)), 0);
	CHECK_INT_EQ(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)), 0);
	CHECK_INT_EQ(packet_position_read(reader, ino_of(fd), &p), 1);
	CHECK_INT_EQ(p.block, 0);
	CHECK_INT_EQ(p.opened, 1);
	CHECK_INT_EQ(p.used, 48);
	CHECK_INT_EQ(p.packets, 0);
	CHECK(!p.frozen);
	CHECK_INT_EQ(packet_position_read(reader, 1, &p), 0);
}

/* A client of a listener that accepts nobody. */
static int client(int *ret_listener)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(a.sun_family);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_INT_EQ(bind(*ret_listener, (void *)&a, len), 0); /* the kernel finds a name */
	CHECK_INT_EQ(listen(*ret_listener, 1), 0);
	len = sizeof(a);
	CHECK_INT_EQ(getsockname(*ret_listener, (void *)&a, &len), 0);
	CHECK_INT_EQ(connect(fd, (void *)&a, len), 0);
	return fd;
}

TEST(kernel_unix_unread_of_a_client)
{
	char large[1000], larger[5000] = "";
	struct unix_unread u = { .nr = 7 };
	struct arena a = { 0 };
	int listener, fd = client(&listener), r = unix_unread_read(&a, ino_of(fd), &u);

	if (is_missing(r))
		test_skip("BPF iterators");
	memset(large, 'x', sizeof(large));
	CHECK_INT_EQ(r, 1);
	CHECK_INT_EQ(u.nr, 0);
	CHECK_INT_EQ(send(fd, "first", 5, 0), 5);
	CHECK_INT_EQ(send(fd, large, sizeof(large), 0), sizeof(large));
	CHECK_INT_EQ(unix_unread_read(&a, ino_of(fd), &u), 1);
	CHECK_INT_EQ(u.nr, 2);
	CHECK_INT_EQ(u.packets[0].len, 5);
	CHECK(!memcmp(u.packets[0].data, "first", 5));
	CHECK_INT_EQ(u.packets[0].uid, getuid());
	CHECK_INT_EQ(u.packets[1].len, sizeof(large));
	CHECK(!memcmp(u.packets[1].data, large, sizeof(large)));
	/* What lies in pages of its own. */
	CHECK_INT_EQ(send(fd, larger, sizeof(larger), 0), sizeof(larger));
	CHECK_INT_EQ(unix_unread_read(&a, ino_of(fd), &u), 0);
	CHECK_INT_EQ(unix_unread_read(&a, 1, &u), -ENOENT);
	close(fd);
	close(listener);
	arena_done(&a);
}
