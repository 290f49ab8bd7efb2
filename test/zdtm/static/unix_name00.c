// SPDX-License-Identifier: GPL-2.0-only
/* Names that lead nowhere any more, that are relative, and that another file has by now. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char *dirname;
TEST_OPTION(dirname, string, "directory to work in", true);

static struct sockaddr_un address(const char *fmt, const char *arg)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), fmt, arg);
	return a;
}

static int bound(struct sockaddr_un a)
{
	int fd = must(socket(AF_UNIX, SOCK_DGRAM, 0));

	must(bind(fd, (void *)&a, sizeof(a)));
	return fd;
}

static int check_name(int fd, struct sockaddr_un want)
{
	struct sockaddr_un is;
	socklen_t len = sizeof(is);

	must(getsockname(fd, (void *)&is, &len));
	if (len != offsetof(struct sockaddr_un, sun_path) + strlen(want.sun_path) + 1 ||
	    strcmp(is.sun_path, want.sun_path) != 0)
		return fail("%s is %s now", want.sun_path, is.sun_path);
	return 0;
}

static int reaches(int from, struct sockaddr_un a, int to)
{
	char c;

	return sendto(from, "x", 1, 0, (void *)&a, sizeof(a)) == 1 &&
	       recv(to, &c, 1, MSG_DONTWAIT) == 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_un gone, taken, relative = address("relative%s", ""),
					up = address("../%s", "up"), sub = address("sub/%s", "x");
	int fd[6], s;
	struct stat st;

	test_init(argc, argv);
	must(mkdir(dirname, 0755));
	must(chdir(dirname));
	must(mkdir("sub", 0755));
	gone = address("%s/gone", dirname);
	taken = address("%s/taken", dirname);
	s = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	fd[0] = bound(gone);
	must(unlink(gone.sun_path));
	fd[1] = bound(taken);
	must(unlink(taken.sun_path));
	fd[2] = bound(taken);
	fd[3] = bound(sub);
	must(chdir("sub"));
	fd[4] = bound(relative);
	fd[5] = bound(up);
	test_daemon();
	test_waitsig();

	if (check_name(fd[0], gone) || check_name(fd[1], taken) || check_name(fd[2], taken) ||
	    check_name(fd[3], sub) || check_name(fd[4], relative) || check_name(fd[5], up))
		return 1;
	if (stat(gone.sun_path, &st) == 0)
		return fail("%s is there again", gone.sun_path);
	if (!reaches(s, taken, fd[2]) || !reaches(s, relative, fd[4]) || !reaches(s, up, fd[5]))
		return fail("a name leads elsewhere");
	must(chdir(".."));
	return reaches(s, sub, fd[3]) ? pass() : fail("%s leads elsewhere", sub.sun_path);
}
