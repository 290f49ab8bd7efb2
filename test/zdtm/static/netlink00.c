// SPDX-License-Identifier: GPL-2.0-only
/* Netlink sockets: number, groups below and above 32, whom they are connected to, options; the
 * kernel answers, and what is said to a group arrives. */
#include "zdtmtst.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HIGH_GROUP 34

static const int options[] = { NETLINK_PKTINFO, NETLINK_NO_ENOBUFS, NETLINK_CAP_ACK,
			       NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK };

static uint32_t number(int fd, bool peer, uint32_t *groups)
{
	struct sockaddr_nl a;
	socklen_t len = sizeof(a);

	must(peer ? getpeername(fd, (void *)&a, &len) : getsockname(fd, (void *)&a, &len));
	*groups = a.nl_groups;
	return a.nl_pid;
}

static int answers(int fd)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} req = { .h = { sizeof(req), RTM_GETLINK, NLM_F_REQUEST, 7, 0 }, .i.ifi_index = 1 };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	char got[8192];
	ssize_t n;

	must(sendto(fd, &req, sizeof(req), 0, (void *)&kernel, sizeof(kernel)));
	n = recv(fd, got, sizeof(got), 0);
	return n > 0 && ((struct nlmsghdr *)got)->nlmsg_seq == 7;
}

int main(int argc, char **argv)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = 0x40001234, .nl_groups = 5 };
	uint32_t map[8] = { 0 }, before[4][2], after[4][2], groups;
	int fd[3], on = 1, high = HIGH_GROUP, is;
	socklen_t len;

	test_init(argc, argv);
	fd[0] = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	must(bind(fd[0], (void *)&a, sizeof(a)));
	must(setsockopt(fd[0], SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &high, sizeof(high)));
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		must(setsockopt(fd[0], SOL_NETLINK, options[i], &on, sizeof(on)));
	fd[1] = must(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_USERSOCK));
	a.nl_pid = 77777;
	a.nl_groups = 1 << 4;
	must(connect(fd[1], (void *)&a, sizeof(a)));
	fd[2] = must(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE));
	for (int i = 0; i < 2; i++) {
		before[i][0] = number(fd[i], false, &before[i][1]);
		before[i + 2][0] = number(fd[i], true, &before[i + 2][1]);
	}
	test_daemon();
	test_waitsig();

	for (int i = 0; i < 2; i++) {
		after[i][0] = number(fd[i], false, &after[i][1]);
		after[i + 2][0] = number(fd[i], true, &after[i + 2][1]);
	}
	if (memcmp(before, after, sizeof(before)) != 0)
		return fail("names: %#x/%#x %#x/%#x, peers %#x/%#x %#x/%#x", after[0][0],
			    after[0][1], after[1][0], after[1][1], after[2][0], after[2][1],
			    after[3][0], after[3][1]);
	if (number(fd[2], false, &groups) != 0)
		return fail("a socket without a number has one");
	len = sizeof(map);
	must(getsockopt(fd[0], SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, map, &len));
	if (map[0] != 5 || map[1] != 1u << (HIGH_GROUP - 33))
		return fail("groups %#x %#x", map[0], map[1]);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		len = sizeof(is);
		must(getsockopt(fd[0], SOL_NETLINK, options[i], &is, &len));
		if (!is)
			return fail("option %d is not set", options[i]);
	}
	len = sizeof(is);
	must(getsockopt(fd[1], SOL_SOCKET, SO_TYPE, &is, &len));
	if (is != SOCK_DGRAM)
		return fail("its type is %d", is);
	return answers(fd[0]) && answers(fd[2]) ? pass() : fail("the kernel does not answer");
}
