// SPDX-License-Identifier: GPL-2.0-only
/* The owner of a socket: who may share its port, and which rules of a firewall apply to it. */
#include "zdtmtst.h"

#include <net.h>
#include <sys/stat.h>
#include <unistd.h>

#define UID 4711
#define GID 4712

int main(int argc, char **argv)
{
	struct net_addr addr = net_loopback(NET_V4, 0);
	int fd, more, on = 1;
	struct stat st;

	test_init(argc, argv);
	fd = must(socket(AF_INET, SOCK_STREAM, 0));
	must(fchown(fd, UID, GID));
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
	must(bind(fd, &addr.sa, addr.len));
	must(getsockname(fd, &addr.sa, &addr.len));
	must(listen(fd, 5));
	test_daemon();
	test_waitsig();

	must(fstat(fd, &st));
	if (st.st_uid != UID || st.st_gid != GID)
		return fail("owned by %d:%d", (int)st.st_uid, (int)st.st_gid);
	more = must(socket(AF_INET, SOCK_STREAM, 0));
	must(setsockopt(more, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
	if (bind(more, &addr.sa, addr.len) == 0)
		return fail("another user shares the port");
	must(fchown(more, UID, GID));
	if (bind(more, &addr.sa, addr.len) < 0)
		return fail("the same user does not");
	return pass();
}
