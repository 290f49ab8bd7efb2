// SPDX-License-Identifier: GPL-2.0-only
/* Credentials that wait with what was sent: of the process that sent it, of another user, of one
 * that has gone; and none where nobody asked for them. */
#include "zdtmtst.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int sv[2];

static struct ucred receive(int fd, char *text, size_t size)
{
	union {
		char bytes[256];
		struct cmsghdr align;
	} c;
	struct iovec iov = { text, size };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = c.bytes,
			    .msg_controllen = sizeof(c) };
	struct ucred cred = { .pid = -1 };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	text[n < 0 ? 0 : n] = '\0';
	if (n >= 0 && h && h->cmsg_type == SCM_CREDENTIALS)
		memcpy(&cred, CMSG_DATA(h), sizeof(cred));
	return cred;
}

static int sender(void *arg)
{
	(void)arg;
	if (geteuid() == 0)
		must(setuid(444));
	must(write(sv[0], "child", 5));
	return 0;
}

static int check(struct ucred c, const char *text, const char *want, pid_t pid, uid_t uid)
{
	if (strcmp(text, want) != 0)
		return fail("\"%s\" instead of \"%s\"", text, want);
	if (c.pid != pid || c.uid != uid)
		return fail("\"%s\" is from pid %d, uid %u instead of %d, %u", text, c.pid, c.uid,
			    pid, uid);
	return 0;
}

int main(int argc, char **argv)
{
	char text[32];
	struct ucred none;
	int on = 1;
	pid_t child;
	uid_t uid;

	test_init(argc, argv);
	uid = geteuid() == 0 ? 444 : geteuid();
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	must(write(sv[0], "early", 5));
	must(setsockopt(sv[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	must(write(sv[0], "own", 3));
	child = test_child(sender, NULL);
	must(waitpid(child, NULL, 0));
	must(write(sv[0], "late", 4));
	test_daemon();
	test_waitsig();

	none = receive(sv[1], text, sizeof(text) - 1);
	if (check(none, text, "early", 0, none.uid))
		return 1;
	if (check(receive(sv[1], text, sizeof(text) - 1), text, "own", getpid(), geteuid()) ||
	    check(receive(sv[1], text, sizeof(text) - 1), text, "child", child, uid) ||
	    check(receive(sv[1], text, sizeof(text) - 1), text, "late", getpid(), geteuid()))
		return 1;
	return pass();
}
