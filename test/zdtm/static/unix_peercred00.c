// SPDX-License-Identifier: GPL-2.0-only
/* SO_PEERCRED of a pair that another process has made: one of the tree, and one that has gone. */
#include "zdtmtst.h"

#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int channel[2];

static void send_fd(int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} c = { { 0 } };
	struct iovec iov = { (char *)"", 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = c.bytes,
			    .msg_controllen = sizeof(c) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	must(sendmsg(channel[1], &m, 0));
}

static int receive_fd(void)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} c = { { 0 } };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = c.bytes,
			    .msg_controllen = sizeof(c) };
	int fd;

	must(recvmsg(channel[0], &m, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

static int maker(void *arg)
{
	int sv[2];

	if (geteuid() == 0) {
		must(setgroups(2, (gid_t[]){ 77, 78 }));
		must(setegid(555));
		must(seteuid(444));
	}
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	send_fd(sv[0]);
	send_fd(sv[1]);
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
		a[i] = receive_fd();
	gone = test_child(maker, NULL);
	for (int i = 0; i < 2; i++)
		b[i] = receive_fd();
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
