// SPDX-License-Identifier: GPL-2.0-only
/* SO_PEERCRED of a pair that another process has made: one of the tree, and one that has gone. */
#include "rights.h"
#include "zdtmtst.h"

#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int channel[2];

static int maker(void *arg)
{
	int sv[2];

	if (geteuid() == 0) {
		must(setgroups(2, (gid_t[]){ 77, 78 }));
		must(setegid(555));
		must(seteuid(444));
	}
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	must(fd_send(channel[1], sv[0]));
	must(fd_send(channel[1], sv[1]));
	if (!arg)
		_exit(0);
	test_waitsig();
	return 0;
}

static int check(int fd, pid_t pid, bool root)
{
	struct ucred c;
	socklen_t len = sizeof(c);
	gid_t groups[64];

	must(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len));
	if (c.pid != pid || c.uid != (root ? 444 : geteuid()) || c.gid != (root ? 555 : getegid()))
		return fail("pid %d (not %d), uid %u, gid %u", c.pid, pid, c.uid, c.gid);
	len = sizeof(groups);
	must(getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len));
	if (root && (len != 2 * sizeof(gid_t) || groups[0] != 77 || groups[1] != 78))
		return fail("%zu groups", len / sizeof(gid_t));
	return 0;
}

int main(int argc, char **argv)
{
	int a[2], b[2];
	pid_t lives, gone;
	bool root;

	test_init(argc, argv);
	root = geteuid() == 0;
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, channel));
	lives = test_child(maker, channel);
	for (int i = 0; i < 2; i++)
		a[i] = (int)must(fd_receive(channel[0], 0));
	gone = test_child(maker, NULL);
	for (int i = 0; i < 2; i++)
		b[i] = (int)must(fd_receive(channel[0], 0));
	must(waitpid(gone, NULL, 0));
	test_daemon();
	test_waitsig();

	for (int i = 0; i < 2; i++)
		if (check(a[i], lives, root) || check(b[i], gone, root))
			return 1;
	if (write(b[0], "x", 1) != 1 || write(a[0], "x", 1) != 1)
		return fail("not connected");
	return test_stop(lives, "the maker") ? pass() : fail("see above");
}
