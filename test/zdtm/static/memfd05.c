// SPDX-License-Identifier: GPL-2.0-only
/* File locks of memfds: flock, of an open file description, and POSIX. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

static int make(void)
{
	return (int)must(memfd_create("locked", 0));
}

static int again(int fd)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return (int)must(open(link, O_RDWR));
}

static bool is_locked(int fd, int cmd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1 };

	must(fcntl(fd, cmd, &l));
	return l.l_type == F_RDLCK && l.l_start == 3 && l.l_len == 10;
}

static int posix;

static int child(void *arg)
{
	(void)arg;
	expect(is_locked(posix, F_GETLK), "the POSIX lock is not held");
	return 0;
}

int main(int argc, char **argv)
{
	struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 3, .l_len = 10 };
	int whole, ofd;

	test_init(argc, argv);
	whole = make();
	ofd = make();
	posix = make();
	must(flock(whole, LOCK_EX));
	must(fcntl(ofd, F_OFD_SETLK, &l));
	must(fcntl(posix, F_SETLK, &l));
	test_daemon();
	test_waitsig();

	if (flock(again(whole), LOCK_SH | LOCK_NB) != -1 || errno != EWOULDBLOCK)
		return fail("another can lock it");
	if (!is_locked(again(ofd), F_OFD_GETLK))
		return fail("the lock of a description is not held");
	if (!test_reap(test_child(child, NULL), "child"))
		return fail("the POSIX lock");
	return pass();
}
