// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owner, group and mode of sockets that have no address of the internet. What a unix socket is
 * bound to takes its mode from it (net/unix/af_unix.c: unix_bind_bsd()).
 */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UID 4711
#define GID 4712

static const char name[] = "socket";

static int has(int fd, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	must(fstat(fd, &st));
	if (st.st_uid == uid && st.st_gid == gid && (st.st_mode & 07777) == mode)
		return 1;
	test_msg("%d is owned by %d:%d and has mode %#o, instead of %d:%d and %#o\n", fd,
		 (int)st.st_uid, (int)st.st_gid, st.st_mode & 07777, (int)uid, (int)gid, mode);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int pair[2], later, netlink, packet;
	struct stat st;

	test_init(argc, argv);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	must(fchown(pair[0], UID, GID));
	must(fchmod(pair[0], 04610));
	later = must(socket(AF_UNIX, SOCK_SEQPACKET, 0));
	must(fchmod(later, 0620));
	netlink = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	must(fchown(netlink, UID, 0));
	packet = must(socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_LOOPBACK)));
	must(fchown(packet, 0, GID));
	test_daemon();
	test_waitsig();

	if (!has(pair[0], UID, GID, 04610) || !has(pair[1], 0, 0, 0777) ||
	    !has(later, 0, 0, 0620) || !has(netlink, UID, 0, 0777) || !has(packet, 0, GID, 0777))
		return fail("a socket has another owner or mode");
	strcpy(addr.sun_path, name);
	umask(0);
	must(bind(later, (struct sockaddr *)&addr, sizeof(addr)));
	must(stat(name, &st));
	if ((st.st_mode & 07777) != 0620)
		return fail("it is bound to a name of mode %#o", st.st_mode & 07777);
	return pass();
}
