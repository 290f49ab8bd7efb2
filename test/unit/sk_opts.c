// SPDX-License-Identifier: GPL-2.0-only
/* Options of sockets: set, read, set on another socket: all that getsockopt(2) tells is equal. */
#include "criu/sock/opts.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/uapi.h"
#include "test/unit/test.h"

#define OPTION_MAX 90

static const struct {
	const char *name;
	int family, type;
} kinds[] = {
	{ "unix stream", AF_UNIX, SOCK_STREAM }, { "unix dgram", AF_UNIX, SOCK_DGRAM },
	{ "tcp", AF_INET, SOCK_STREAM },         { "udp", AF_INET6, SOCK_DGRAM },
	{ "netlink", AF_NETLINK, SOCK_RAW },     { "packet", AF_PACKET, SOCK_DGRAM },
};

struct side {
	struct task task;
	struct fd_probe probe;
	struct dump dump;
	SkOptsEntry *e;
};

static int read_opts(struct side *s, int fd)
{
	s->probe = (struct fd_probe){ .task = &s->task, .fd = 3, .lfd = fd, .link = "socket:[7]" };
	return sk_opts_dump(&s->dump, &s->probe, &s->e);
}

static int restore_opts(int fd, const SkOptsEntry *e)
{
	int r = sk_opts_load(e);

	if (r >= 0)
		r = sk_opts_restore_early(fd, e);
	return r < 0 ? r : sk_opts_restore_late(fd, e);
}

static void compare(int a, int b)
{
	for (int name = 1; name < OPTION_MAX; name++) {
		uint8_t x[512] = { 0 }, y[512] = { 0 };
		socklen_t nx = sizeof(x), ny = sizeof(y);
		int rx, ry;

		if (name == SO_COOKIE || name == SO_MEMINFO)
			continue;
		rx = getsockopt(a, SOL_SOCKET, name, x, &nx);
		ry = getsockopt(b, SOL_SOCKET, name, y, &ny);
		if (rx == ry && nx == ny && !memcmp(x, y, sizeof(x)))
			continue;
		test_check_int(*(int *)y, *(int *)x, __FILE__, name, "option of this number");
	}
}

static void set_int(int fd, int name, int value)
{
	setsockopt(fd, SOL_SOCKET, name, &value, sizeof(value));
}

TEST(sk_opts_come_back_each)
{
	static const int values[] = { 0, 1, 7, 5000 };

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (int name = 1; name < OPTION_MAX; name++) {
			int a = socket(kinds[k].family, kinds[k].type, 0);
			int b = socket(kinds[k].family, kinds[k].type, 0);
			struct side s = { 0 };

			test_note("%s, option %d", kinds[k].name, name);
			/* There is no getsockopt for the result. */
			if (name == SO_ATTACH_FILTER || name == SO_ATTACH_BPF ||
			    name == SO_ATTACH_REUSEPORT_CBPF || name == SO_ATTACH_REUSEPORT_EBPF)
				name++;
			for (size_t v = 0; v < ARRAY_SIZE(values); v++)
				set_int(a, name, values[v]);
			CHECK_INT_EQ(read_opts(&s, a), 0);
			CHECK_INT_EQ(restore_opts(b, s.e), 0);
			compare(a, b);
			close(a);
			close(b);
			arena_done(&s.dump.arena);
		}
}

static struct sock_filter accept_some[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 100, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 0),
	BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
};

static void set_all(int fd)
{
	struct sock_fprog prog = { ARRAY_SIZE(accept_some), accept_some };
	struct timeval snd = { 3, 250000 }, rcv = { 100, 0 };
	struct so_timestamping ts = { .flags = SOF_TIMESTAMPING_RX_SOFTWARE |
					       SOF_TIMESTAMPING_SOFTWARE };
	struct sock_txtime txtime = { .clockid = CLOCK_TAI, .flags = SOF_TXTIME_REPORT_ERRORS };
	struct linger linger = { 1, 17 };
	uint64_t rate = 123456789012;

	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
	setsockopt(fd, SOL_SOCKET, 66, &rcv, sizeof(rcv)); /* SO_RCVTIMEO_NEW */
	setsockopt(fd, SOL_SOCKET, 67, &snd, sizeof(snd));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	setsockopt(fd, SOL_SOCKET, 65, &ts, sizeof(ts)); /* SO_TIMESTAMPING_NEW */
	setsockopt(fd, SOL_SOCKET, SO_TXTIME, &txtime, sizeof(txtime));
	setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate));
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2);
	set_int(fd, SO_SNDBUFFORCE, 3333333);
	set_int(fd, SO_RCVBUFFORCE, 4444444);
	set_int(fd, SO_RCVLOWAT, 99);
	set_int(fd, SO_PRIORITY, 6);
	set_int(fd, SO_MARK, 0x12345);
	set_int(fd, SO_PASSCRED, 1);
	set_int(fd, SO_PASSPIDFD, 1);
	set_int(fd, SO_PASSRIGHTS, 0);
	set_int(fd, SO_PEEK_OFF, 12);
	set_int(fd, SO_LOCK_FILTER, 1);
}

TEST(sk_opts_come_back_together)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		int a = socket(kinds[k].family, kinds[k].type, 0);
		int b = socket(kinds[k].family, kinds[k].type, 0);
		struct side s = { 0 }, again = { 0 };

		test_note("%s", kinds[k].name);
		set_all(a);
		CHECK_INT_EQ(read_opts(&s, a), 0);
		CHECK_INT_EQ(s.e->n_so_filter, ARRAY_SIZE(accept_some));
		CHECK_STR_EQ(s.e->so_bound_dev, "lo");
		CHECK_INT_EQ(s.e->so_rcv_tmo_sec, 100);
		CHECK_INT_EQ(restore_opts(b, s.e), 0);
		compare(a, b);
		CHECK_INT_EQ(read_opts(&again, b), 0);
		CHECK(again.e->n_so_filter == s.e->n_so_filter &&
		      !memcmp(again.e->so_filter, s.e->so_filter, sizeof(accept_some)));
		arena_done(&s.dump.arena);
		arena_done(&again.dump.arena);
	}
}

/* A size that the kernel chose stays one that it may change. */
TEST(sk_opts_leave_sizes_alone)
{
	int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0), lock = -1;
	socklen_t len = sizeof(lock);
	struct side s = { 0 };

	CHECK_INT_EQ(read_opts(&s, a), 0);
	CHECK(s.e->has_so_buf_lock);
	s.e->so_sndbuf = 50000; /* another kernel's */
	CHECK_INT_EQ(restore_opts(b, s.e), 0);
	CHECK_INT_EQ(getsockopt(b, SOL_SOCKET, SO_BUF_LOCK, &lock, &len), 0);
	CHECK_INT_EQ(lock, 0);
	CHECK_INT_EQ(getsockopt(b, SOL_SOCKET, SO_SNDBUF, &lock, &len), 0);
	CHECK_INT_EQ(lock, 50000);
}

TEST(sk_opts_ebpf_filter_is_a_blocker)
{
	struct bpf_insn accept_all[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insn_cnt = ARRAY_SIZE(accept_all),
				.insns = (uintptr_t)accept_all,
				.license = (uintptr_t) "GPL" };
	int prog = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	int a = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct side s = { .task = { .pid = 43, .comm = "test" } };

	if (prog < 0)
		test_skip("bpf(2)");
	CHECK_INT_EQ(setsockopt(a, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)), 0);
	CHECK_INT_EQ(read_opts(&s, a), 0);
	CHECK_INT_EQ(blockers_count(), 1);
	CHECK(blockers_fail() < 0);
	CHECK_ERROR("pid 43 (test): fd 3: socket:[7]: a socket with an eBPF filter");
}

TEST(sk_opts_refuse_what_cannot_be)
{
	SkOptsEntry e = SK_OPTS_ENTRY__INIT;
	char name[] = "a-name-that-is-too-long";

	CHECK_INT_EQ(sk_opts_load(&e), 0);
	e.so_rcvbuf = 0x80000000;
	CHECK(sk_opts_load(&e) < 0);
	CHECK_ERROR("socket buffers");
	e.so_rcvbuf = 0;
	e.so_rcv_tmo_usec = 1000000;
	CHECK(sk_opts_load(&e) < 0);
	CHECK_ERROR("is no time");
	e.so_rcv_tmo_usec = 0;
	e.so_bound_dev = name;
	CHECK(sk_opts_load(&e) < 0);
	CHECK_ERROR("too long");
	e.so_bound_dev = NULL;
	e.n_so_filter = 5000;
	CHECK(sk_opts_load(&e) < 0);
	CHECK_ERROR("5000 instructions");
	e.n_so_filter = 0;
	e.has_so_timestamp = true;
	e.so_timestamp = SO_ATTACH_BPF;
	CHECK(sk_opts_load(&e) < 0);
	CHECK_ERROR("timestamps");
}
