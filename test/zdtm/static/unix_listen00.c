// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that listen, at a path and at an abstract name: they accept; permissions of the file; a
 * connection that waits is accepted first, and the backlog is what it was.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "path to listen at", true);

#define BACKLOG 3

static socklen_t address(struct sockaddr_un *a, bool abstract)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!abstract) {
		strcpy(a->sun_path, filename);
		return sizeof(*a);
	}
	return (socklen_t)(sizeof(sa_family_t) + 1 +
			   (size_t)sprintf(a->sun_path + 1, "zdtm %d", getpid()));
}

static int connect_to(bool abstract)
{
	struct sockaddr_un a;
	socklen_t len = address(&a, abstract);
	int fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));

	if (connect(fd, (void *)&a, len) == 0)
		return fd;
	close(fd);
	return -errno;
}

static int check(int s, bool abstract, int waits)
{
	struct sockaddr_un a, b;
	socklen_t len = address(&a, abstract), len2 = sizeof(b);
	int fd, more[BACKLOG];
	char c = 0;

	for (int i = 0; i < BACKLOG; i++)
		if ((more[i] = connect_to(abstract)) < 0)
			return fail("connection %d: %s", i, strerror(-more[i]));
	if (connect_to(abstract) != -EAGAIN)
		return fail("the backlog is longer");
	must(write(waits, "w", 1));
	fd = must(accept(s, NULL, NULL));
	if (read(fd, &c, 1) != 1 || c != 'w')
		return fail("accepted another one before");
	must(getsockname(fd, (void *)&b, &len2));
	if (len2 !=
		(abstract ? len : offsetof(struct sockaddr_un, sun_path) + strlen(filename) + 1) ||
	    memcmp(&a, &b, len2) != 0)
		return fail("the name is another one");
	return 0;
}

static int listen_at(bool abstract)
{
	struct sockaddr_un a;
	socklen_t len = address(&a, abstract);
	int s = must(socket(AF_UNIX, SOCK_STREAM, 0));

	must(bind(s, (void *)&a, len));
	must(listen(s, BACKLOG));
	return s;
}

int main(int argc, char **argv)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct stat st;
	int path, name, a, b;

	test_init(argc, argv);
	path = listen_at(false);
	name = listen_at(true);
	must(chmod(filename, 0721));
	if (geteuid() == 0)
		must(chown(filename, 12, 34));
	a = must(connect_to(false));
	b = must(connect_to(true));
	test_daemon();
	test_waitsig();

	must(stat(filename, &st));
	if (st.st_mode != (S_IFSOCK | 0721) ||
	    (geteuid() == 0 && (st.st_uid != 12 || st.st_gid != 34)))
		return fail("the file has mode %o, owner %u", st.st_mode, st.st_uid);
	must(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	if (cred.pid != getpid())
		return fail("SO_PEERCRED is pid %d", cred.pid);
	return check(path, false, a) || check(name, true, b) ? 1 : pass();
}
