// SPDX-License-Identifier: GPL-2.0-only
/* So many connections that not each is asked for its options: most are alike, some are not. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <net.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#define NR 300

static const struct {
	int level, name, value;
	int each; /* so many-th connection has it, at its second end */
} options[] = {
	{ IPPROTO_TCP, TCP_NODELAY, 1, 7 },      { IPPROTO_TCP, TCP_KEEPIDLE, 77, 11 },
	{ SOL_SOCKET, SO_KEEPALIVE, 1, 13 },     { SOL_SOCKET, SO_MARK, 5, 17 },
	{ IPPROTO_IP, IP_TOS, 0x10, 19 },        { SOL_SOCKET, SO_RCVBUF, 100000, 23 },
	{ IPPROTO_TCP, TCP_LINGER2, 7, NR - 1 },
};

static int ends[NR][2];

static int get(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	must(getsockopt(fd, level, name, &value, &len));
	return value;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	int had[ARRAY_SIZE(options)][2];

	test_init(argc, argv);
	must(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max < 2000 ? limit.rlim_max : 2000;
	must(setrlimit(RLIMIT_NOFILE, &limit));
	for (int i = 0; i < NR; i++) {
		tcp_pair(NET_V4, ends[i]);
		for (size_t o = 0; o < ARRAY_SIZE(options); o++) {
			int which = i && i % options[o].each == 0;

			if (which)
				must(setsockopt(ends[i][1], options[o].level, options[o].name,
						&options[o].value, sizeof(options[o].value)));
			had[o][which] = get(ends[i][1], options[o].level, options[o].name);
		}
	}
	must(fcntl(ends[NR / 2][0], F_SETOWN, getpid()));
	test_daemon();
	test_waitsig();

	for (int i = 0; i < NR; i++) {
		if (fcntl(ends[i][0], F_GETOWN) != (i == NR / 2 ? getpid() : 0))
			return fail("connection %d has another owner", i);
		for (size_t o = 0; o < ARRAY_SIZE(options); o++) {
			int value = get(ends[i][1], options[o].level, options[o].name);
			int which = i && i % options[o].each == 0;

			if (value != had[o][which])
				return fail("connection %d: option %d is %d instead of %d", i,
					    options[o].name, value, had[o][which]);
		}
		if (!tcp_transfer(ends[i][0], ends[i][1], 100, (uint32_t)i))
			return fail("connection %d: not what was sent", i);
	}
	return pass();
}
