// SPDX-License-Identifier: GPL-2.0-only
/* Sockets. */
#include "test/harness/prog/scene.h"
#include "test/zdtm/lib/rights.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return a;
}

static int unix_socket(int argc, char **argv)
{
	int type = argc > 1 && strcmp(argv[1], "dgram") == 0 ? SOCK_DGRAM : SOCK_STREAM;

	return (int)must(socket(AF_UNIX, type, 0));
}

/* PATH [dgram]: connected to whom the harness has there. */
static void set_connect(int argc, char **argv)
{
	struct sockaddr_un a = address(argv[0]);

	must(connect(unix_socket(argc, argv), (struct sockaddr *)&a, sizeof(a)));
}

/* PATH [dgram]: is there itself. */
static void set_bound(int argc, char **argv)
{
	struct sockaddr_un a = address(argv[0]);
	int fd = unix_socket(argc, argv);

	must(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	if (argc < 2)
		must(listen(fd, 5));
}

static int echo_in, echo_out;

/* Sends on what comes in. */
static void *echo(void *slot)
{
	for (;;) {
		struct pollfd p = { .fd = echo_in, .events = POLLIN };
		char buf[64];

		if (poll(&p, 1, 1) > 0 && p.revents & POLLIN) {
			ssize_t n = read(echo_in, buf, sizeof(buf));

			if (n > 0 && write(echo_out, buf, (size_t)n) != n)
				scene_error("write: %s", strerror(errno));
		}
		scene_step((unsigned int)(uintptr_t)slot);
	}
	return NULL;
}

/* PATH: has as numbers from 10 on what the harness sends there; the first is read from, the last
 * written to. A terminal becomes that of our session. */
static void set_echo(int argc, char **argv)
{
	struct sockaddr_un a = address(argv[0]);
	int fd = unix_socket(1, argv), fds[RIGHTS_MAX];
	size_t nr;
	char byte;

	must(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	must(rights_receive(fd, &byte, 1, 0, fds, &nr));
	must(close(fd));
	for (size_t i = 0; i < nr; i++) {
		must(dup2(fds[i], 10 + (int)i));
		must(close(fds[i]));
	}
	echo_in = 10;
	echo_out = 10 + (int)nr - 1;
	if (argc > 1)
		must(ioctl(echo_in, TIOCSCTTY, 0));
	scene_thread_of(echo, 1);
}

/* PATH: a connection that has sent a descriptor and waits to be accepted. */
static void set_unaccepted(int argc, char **argv)
{
	struct sockaddr_un a = address(argv[0]);
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { (char[]){ "hello" }, 5 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control) };
	int fd;

	set_bound(argc, argv);
	fd = unix_socket(argc, argv);
	must(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	memset(CMSG_DATA(&control.head), 0, sizeof(int));
	must(sendmsg(fd, &msg, 0));
}

/* PATH: one that was closed before. */
static void set_unaccepted_closed(int argc, char **argv)
{
	set_unaccepted(argc, argv);
	must(close(4));
}

static void set_urgent(int argc, char **argv)
{
	int ends[2];

	(void)argc;
	(void)argv;
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	must(send(ends[0], "a", 1, 0));
	must(send(ends[0], "b", 1, MSG_OOB));
}

/* An answer that nobody reads. */
static void set_netlink_unread(int argc, char **argv)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} req = { .h = { sizeof(req), RTM_GETLINK, NLM_F_REQUEST, 1, 0 }, .i.ifi_index = 1 };

	(void)argc;
	(void)argv;
	must(send((int)must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), &req, sizeof(req), 0));
}

/* Returns the descriptor. */
static int packet_ring_map(void **ret, size_t *ret_len)
{
	struct tpacket_req ring = {
		.tp_block_size = 4096, .tp_block_nr = 2, .tp_frame_size = 2048, .tp_frame_nr = 4
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	scene_needs(fd, EAFNOSUPPORT, "packet sockets");
	must(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)));
	*ret_len = 8192;
	*ret = mmap(NULL, *ret_len, PROT_READ, MAP_SHARED, fd, 0);
	must(*ret == MAP_FAILED ? -1 : 0);
	return fd;
}

static void set_packet_part(int argc, char **argv)
{
	size_t len;
	void *at;

	(void)argc;
	(void)argv;
	packet_ring_map(&at, &len);
	must(munmap(at, len / 2));
}

static void set_packet_closed(int argc, char **argv)
{
	size_t len;
	void *at;

	(void)argc;
	(void)argv;
	must(close(packet_ring_map(&at, &len)));
}

static void set_packet_large(int argc, char **argv)
{
	struct tpacket_req ring = { .tp_block_size = 1 << 20,
				    .tp_block_nr = 129,
				    .tp_frame_size = 2048,
				    .tp_frame_nr = 129 * 512 };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	(void)argc;
	(void)argv;
	if (fd < 0)
		scene_skip("packet sockets");
	must(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)));
}

static void set_ebpf_filter(int argc, char **argv)
{
	struct bpf_insn accept_all[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insn_cnt = 2,
				.insns = (uintptr_t)accept_all,
				.license = (uintptr_t) "GPL" };
	int fd = (int)must(socket(AF_UNIX, SOCK_DGRAM, 0));
	int prog = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	(void)argc;
	(void)argv;
	if (prog < 0)
		scene_skip("bpf(2)");
	must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)));
	must(close(prog));
}

const struct scene scenes_sock[] = {
	{ "netlink-unread", set_netlink_unread },
	{ "map-packet-part", set_packet_part },
	{ "map-packet-closed", set_packet_closed },
	{ "packet-large", set_packet_large },
	{ "ebpf-filter", set_ebpf_filter },
	{ "unix-connect", set_connect },
	{ "echo", set_echo },
	{ "unix-at", set_bound },
	{ "unix-unaccepted", set_unaccepted },
	{ "unix-unaccepted-closed", set_unaccepted_closed },
	{ "unix-urgent", set_urgent },
	{ NULL, NULL },
};
