// SPDX-License-Identifier: GPL-2.0-only
/*
 * Less usual unix sockets: a pair that was named later, a client with a name of its own, names that
 * the kernel gave, a connection whose listening socket was replaced under the same name, sequences
 * of packets that were accepted and that wait.
 */
#include "zdtmtst.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "path of sockets", true);

struct name {
	struct sockaddr_un a;
	socklen_t len;
};

static struct name path(const char *suffix)
{
	struct name n = { .a = { .sun_family = AF_UNIX } };

	n.len = (socklen_t)(sizeof(sa_family_t) + 1 +
			    (size_t)sprintf(n.a.sun_path, "%s.%s", filename, suffix));
	return n;
}

static struct name own(int fd)
{
	struct name n = { .len = sizeof(n.a) };

	must(getsockname(fd, (void *)&n.a, &n.len));
	return n;
}

static struct name peer(int fd)
{
	struct name n = { .len = sizeof(n.a) };

	must(getpeername(fd, (void *)&n.a, &n.len));
	return n;
}

static int listen_at(struct name n, int type)
{
	int fd = must(socket(AF_UNIX, type, 0));

	must(bind(fd, (void *)&n.a, n.len));
	must(listen(fd, 9));
	return fd;
}

static int connect_to(struct name n, int type, const char *own_suffix, bool passcred)
{
	int fd = must(socket(AF_UNIX, type, 0)), on = 1;
	struct name mine;

	if (own_suffix) {
		mine = path(own_suffix);
		must(bind(fd, (void *)&mine.a, mine.len));
	}
	if (passcred)
		must(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	must(connect(fd, (void *)&n.a, n.len));
	return fd;
}

static bool talk(int a, int b)
{
	char c = 0;

	return send(a, "a", 1, MSG_NOSIGNAL) == 1 && recv(b, &c, 1, MSG_DONTWAIT) == 1 &&
	       c == 'a' && send(b, "b", 1, MSG_NOSIGNAL) == 1 &&
	       recv(a, &c, 1, MSG_DONTWAIT) == 1 && c == 'b';
}

#define PAIRS 6

int main(int argc, char **argv)
{
	int fd[PAIRS][2], l[5], waits;
	struct name n = path("pair"), names[PAIRS][4];

	test_init(argc, argv);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, fd[0]));
	must(bind(fd[0][0], (void *)&n.a, n.len));
	l[0] = listen_at(path("a"), SOCK_STREAM);
	fd[1][0] = connect_to(path("a"), SOCK_STREAM, "client", false);
	fd[1][1] = must(accept(l[0], NULL, NULL));
	fd[2][0] = connect_to(path("a"), SOCK_STREAM, NULL, true);
	fd[2][1] = must(accept(l[0], NULL, NULL));
	l[1] = listen_at(path("b"), SOCK_STREAM);
	fd[3][0] = connect_to(path("b"), SOCK_STREAM, NULL, false);
	fd[3][1] = must(accept(l[1], NULL, NULL));
	n = path("b");
	must(unlink(n.a.sun_path));
	must(close(l[1]));
	l[1] = listen_at(n, SOCK_STREAM);
	fd[4][0] = connect_to(n, SOCK_STREAM, NULL, false);
	fd[4][1] = must(accept(l[1], NULL, NULL));
	l[2] = listen_at(path("seq"), SOCK_SEQPACKET);
	fd[5][0] = connect_to(path("seq"), SOCK_SEQPACKET, NULL, false);
	fd[5][1] = must(accept(l[2], NULL, NULL));
	waits = connect_to(path("seq"), SOCK_SEQPACKET, "waiting", false);
	for (int i = 0; i < PAIRS; i++) {
		names[i][0] = own(fd[i][0]);
		names[i][1] = peer(fd[i][0]);
		names[i][2] = own(fd[i][1]);
		names[i][3] = peer(fd[i][1]);
	}
	test_daemon();
	test_waitsig();

	for (int i = 0; i < PAIRS; i++) {
		struct name now[4] = { own(fd[i][0]), peer(fd[i][0]), own(fd[i][1]),
				       peer(fd[i][1]) };

		for (int j = 0; j < 4; j++)
			if (now[j].len != names[i][j].len ||
			    memcmp(&now[j].a, &names[i][j].a, now[j].len) != 0)
				return fail("pair %d: name %d is %s", i, j, now[j].a.sun_path);
		if (!talk(fd[i][0], fd[i][1]))
			return fail("pair %d is not connected", i);
	}
	l[3] = connect_to(path("b"), SOCK_STREAM, NULL, false);
	l[4] = must(accept(l[1], NULL, NULL));
	if (!talk(l[3], l[4]))
		return fail("the new listening socket does not listen");
	l[4] = must(accept(l[2], NULL, NULL));
	n = peer(l[4]);
	if (strcmp(n.a.sun_path, path("waiting").a.sun_path) != 0 || !talk(waits, l[4]))
		return fail("who waited is %s", n.a.sun_path);
	return pass();
}
