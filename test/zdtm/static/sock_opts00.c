// SPDX-License-Identifier: GPL-2.0-only
/* Options of a socket, and its classic filter, which is locked. */
#include "zdtmtst.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const struct {
	int name, value;
} options[] = {
	{ SO_SNDBUF, 30000 }, { SO_RCVBUF, 50000 },  { SO_PRIORITY, 3 },  { SO_RCVLOWAT, 5 },
	{ SO_PASSCRED, 1 },   { SO_REUSEADDR, 1 },   { SO_KEEPALIVE, 1 }, { SO_BROADCAST, 1 },
	{ SO_PEEK_OFF, 2 },   { SO_TIMESTAMPNS, 1 }, { SO_OOBINLINE, 1 }, { SO_DONTROUTE, 1 },
};

#define NR (sizeof(options) / sizeof(options[0]))

static void get_all(int fd, int *values)
{
	for (size_t i = 0; i < NR; i++) {
		socklen_t len = sizeof(int);

		must(getsockopt(fd, SOL_SOCKET, options[i].name, &values[i], &len));
	}
}

int main(int argc, char **argv)
{
	/* At most 8 bytes of each packet, of those longer than 2. */
	struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
				      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 2, 0, 1),
				      BPF_STMT(BPF_RET | BPF_K, 8), BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog prog = { 4, code };
	struct timeval snd = { 7, 500000 }, rcv = { 0, 500000 }, t;
	struct linger linger = { 1, 9 };
	int sv[2], before[NR], after[NR], on = 1;
	socklen_t len = sizeof(t);
	char got[16];

	test_init(argc, argv);
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
	for (size_t i = 0; i < NR; i++)
		must(
		    setsockopt(sv[0], SOL_SOCKET, options[i].name, &options[i].value, sizeof(int)));
	must(setsockopt(sv[0], SOL_SOCKET, SO_SNDTIMEO, &snd, sizeof(snd)));
	must(setsockopt(sv[0], SOL_SOCKET, SO_RCVTIMEO, &rcv, sizeof(rcv)));
	must(setsockopt(sv[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	must(setsockopt(sv[1], SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	must(setsockopt(sv[1], SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)));
	get_all(sv[0], before);
	test_daemon();
	test_waitsig();

	get_all(sv[0], after);
	for (size_t i = 0; i < NR; i++)
		if (before[i] != after[i])
			return fail("option %d is %d instead of %d", options[i].name, after[i],
				    before[i]);
	must(getsockopt(sv[0], SOL_SOCKET, SO_SNDTIMEO, &t, &len));
	if (memcmp(&t, &snd, sizeof(t)) != 0)
		return fail("SO_SNDTIMEO is %ld.%ld", (long)t.tv_sec, (long)t.tv_usec);
	must(getsockopt(sv[0], SOL_SOCKET, SO_RCVTIMEO, &t, &len));
	if (memcmp(&t, &rcv, sizeof(t)) != 0)
		return fail("SO_RCVTIMEO is %ld.%ld", (long)t.tv_sec, (long)t.tv_usec);
	must(send(sv[0], "hi", 2, 0));
	must(send(sv[0], "hello, world", 12, 0));
	if (recv(sv[1], got, sizeof(got), MSG_DONTWAIT) != 8)
		return fail("the filter is not there");
	if (setsockopt(sv[1], SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)) != -1 ||
	    errno != EPERM)
		return fail("the filter is not locked");
	return pass();
}
