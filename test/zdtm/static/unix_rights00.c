// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors in flight: of files that somebody else has, too, and of such that only a queue has;
 * a socket in the queue of another, with a pipe in its own; between data that is to stay apart.
 */
#include "rights.h"
#include "zdtmtst.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void send_fds(int to, const char *text, const int *fds, size_t nr)
{
	must(rights_send(to, text, strlen(text), fds, nr));
}

/* How many came; they are in fds. */
static size_t receive(int from, char *text, size_t size, int *fds)
{
	size_t nr;
	ssize_t n = rights_receive(from, text, size - 1, MSG_DONTWAIT, fds, &nr);

	text[n < 0 ? 0 : n] = '\0';
	return nr;
}

int main(int argc, char **argv)
{
	int sv[2], inner[2], p[2], dg[2], efd, fds[RIGHTS_MAX];
	struct stat a, b;
	uint64_t count = 7;
	char text[32];

	test_init(argc, argv);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, inner));
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, dg));
	must(pipe(p));
	efd = must(eventfd(7, EFD_NONBLOCK));
	must(write(p[1], "in the pipe", 11));
	must(write(sv[0], "before ", 7));
	send_fds(sv[0], "with", (int[]){ efd, p[0] }, 2);
	must(write(sv[0], " after", 6));
	send_fds(inner[0], "end", &p[1], 1);
	send_fds(sv[0], "socket", &inner[1], 1);
	send_fds(dg[0], "itself", &dg[1], 1);
	must(close(efd));
	must(close(p[1]));
	must(close(inner[1]));
	must(fstat(p[0], &a));
	test_daemon();
	test_waitsig();

	if (receive(sv[1], text, 8, fds) != 0 || strcmp(text, "before ") != 0)
		return fail("first \"%s\"", text);
	if (receive(sv[1], text, sizeof(text), fds) != 2 || strcmp(text, "with") != 0)
		return fail("then \"%s\"", text);
	if (read(fds[0], &count, sizeof(count)) != sizeof(count) || count != 7)
		return fail("the eventfd has %llu", (unsigned long long)count);
	must(fstat(p[0], &a));
	must(fstat(fds[1], &b));
	if (a.st_ino != b.st_ino)
		return fail("the pipe is another one");
	if (read(fds[1], text, sizeof(text)) != 11)
		return fail("nothing is in the pipe");
	if (receive(sv[1], text, 7, fds) != 0 || strcmp(text, " after") != 0)
		return fail("after it \"%s\"", text);
	if (receive(sv[1], text, sizeof(text), fds) != 1 || strcmp(text, "socket") != 0)
		return fail("the socket: \"%s\"", text);
	if (receive(fds[0], text, sizeof(text), fds + 1) != 1 || strcmp(text, "end") != 0)
		return fail("what was in the socket: \"%s\"", text);
	if (write(fds[1], "x", 1) != 1 || read(p[0], text, 1) != 1)
		return fail("the end of the pipe is another one's");
	if (write(inner[0], "y", 1) != 1 || recv(fds[0], text, 1, MSG_DONTWAIT) != 1)
		return fail("the inner pair is none");
	if (receive(dg[1], text, sizeof(text), fds) != 1 || write(dg[0], "z", 1) != 1 ||
	    recv(fds[0], text, 1, MSG_DONTWAIT) != 1)
		return fail("a socket in its own queue");
	return pass();
}
