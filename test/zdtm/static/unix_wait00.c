// SPDX-License-Identifier: GPL-2.0-only
/* Who has connected and was not accepted yet has sent something: it is there afterwards. */
#include "zdtmtst.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LONG 3000

static char large[LONG], got[LONG + 1];

static int listener(int type, struct sockaddr_un *a, socklen_t *len)
{
	int fd = must(socket(AF_UNIX, type, 0));

	a->sun_family = AF_UNIX;
	snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "unix_wait00.%d.%d", getpid(), type);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(a->sun_path + 1));
	must(bind(fd, (void *)a, *len));
	must(listen(fd, 10));
	return fd;
}

static int client(int type, const struct sockaddr_un *a, socklen_t len)
{
	int fd = must(socket(AF_UNIX, type, 0));

	must(connect(fd, (const void *)a, len));
	return fd;
}

/* One message, and who has sent it; its length, or -1. */
static ssize_t receive(int fd, struct ucred *ret)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { got, sizeof(got) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);

	memset(ret, 0, sizeof(*ret));
	if (c && c->cmsg_type == SCM_CREDENTIALS)
		memcpy(ret, CMSG_DATA(c), sizeof(*ret));
	return n;
}

static int accept_from(int fd)
{
	int end = must(accept(fd, NULL, NULL)), on = 1;

	must(setsockopt(end, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	return end;
}

static int is(int end, const char *data, size_t len)
{
	struct ucred by;
	ssize_t n = receive(end, &by);

	if (n != (ssize_t)len || memcmp(got, data, len)) {
		test_msg("%zd bytes came instead of %zu\n", n, len);
		return 0;
	}
	if (len && (by.pid != getpid() || by.uid != getuid() || by.gid != getgid())) {
		test_msg("sent by pid %d, uid %u, gid %u\n", by.pid, by.uid, by.gid);
		return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	int stream, packets, s[3], p[2], end;
	struct sockaddr_un a = { 0 }, b = { 0 };
	socklen_t a_len, b_len;

	test_init(argc, argv);
	datagen(large, sizeof(large), 1);
	stream = listener(SOCK_STREAM, &a, &a_len);
	packets = listener(SOCK_SEQPACKET, &b, &b_len);
	for (int i = 0; i < 3; i++)
		s[i] = client(SOCK_STREAM, &a, a_len);
	for (int i = 0; i < 2; i++)
		p[i] = client(SOCK_SEQPACKET, &b, b_len);
	must(write(s[0], large, sizeof(large)));
	must(write(s[2], "last words", 10));
	must(shutdown(s[2], SHUT_WR));
	must(write(p[1], "one", 3));
	must(send(p[1], "", 0, 0));
	must(write(p[1], large, 300));
	test_daemon();
	test_waitsig();

	end = accept_from(stream);
	if (!is(end, large, sizeof(large)))
		return fail("the first one");
	must(write(s[0], "more", 4));
	if (!is(end, "more", 4))
		return fail("the first one, afterwards");
	end = accept_from(stream);
	if (receive(end, &(struct ucred){ 0 }) != -1 || errno != EAGAIN)
		return fail("the second one has sent nothing");
	end = accept_from(stream);
	if (!is(end, "last words", 10) || !is(end, "", 0))
		return fail("the third one");
	end = accept_from(packets);
	if (receive(end, &(struct ucred){ 0 }) != -1 || errno != EAGAIN)
		return fail("the first one of packets has sent nothing");
	end = accept_from(packets);
	if (!is(end, "one", 3) || !is(end, "", 0) || !is(end, large, 300))
		return fail("the second one of packets");
	return pass();
}
