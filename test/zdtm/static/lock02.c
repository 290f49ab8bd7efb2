// SPDX-License-Identifier: GPL-2.0-only
/* OFD locks belong to their descriptions, of one process or of two. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "the file", true);

static void range(int fd, short type, off_t start, off_t len)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	must(fcntl(fd, F_OFD_SETLK, &l));
}

static void held(int fd, off_t at, short wanted)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

	must(fcntl(fd, F_OFD_GETLK, &l));
	if (l.l_type != wanted)
		fail("byte %ld: type %d instead of %d", (long)at, l.l_type, wanted);
}

static int child(void *arg)
{
	(void)arg;
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	int a, b, c;
	pid_t pid;

	test_init(argc, argv);
	a = file_make(filename, 4096, 1);
	b = (int)must(open(filename, O_RDWR));
	c = (int)must(open(filename, O_RDWR));
	range(a, F_WRLCK, 0, 10);
	range(a, F_RDLCK, 20, 10);
	range(b, F_RDLCK, 25, 10);
	range(b, F_WRLCK, 1l << 30, 0);
	pid = test_child(child, NULL);
	test_daemon();
	test_waitsig();

	held(c, 5, F_WRLCK);
	held(c, 10, F_UNLCK);
	held(c, 22, F_RDLCK);
	held(c, 32, F_RDLCK);
	held(c, (1l << 30) + 7, F_WRLCK);
	held(a, 5, F_UNLCK); /* its own */
	held(a, 22, F_UNLCK);
	held(a, 27, F_RDLCK);
	must(close(a));
	held(c, 5, F_WRLCK); /* the child has the description, too */
	if (!test_stop(pid, "the child"))
		return fail("the child");
	held(c, 5, F_UNLCK);
	held(c, 27, F_RDLCK);
	return pass();
}
