// SPDX-License-Identifier: GPL-2.0-only
/* Who waits for a lock goes on waiting, and gets it when it is free. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "the file", true);
static struct steps *steps;

static int posix_waiter(void *arg)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
	int fd = (int)must(open(filename, O_RDWR));

	(void)arg;
	must(fcntl(fd, F_SETLKW, &l));
	expect(steps->now == 1, "the range was free too early");
	return 0;
}

static int flock_waiter(void *arg)
{
	int fd = (int)must(open(filename, O_RDWR));

	(void)arg;
	must(flock(fd, LOCK_EX));
	expect(steps->now == 1, "the file was free too early");
	return 0;
}

int main(int argc, char **argv)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
	pid_t a, b;
	int fd;

	test_init(argc, argv);
	steps = steps_new();
	fd = file_make(filename, 100, 1);
	must(fcntl(fd, F_SETLK, &l));
	must(flock(fd, LOCK_EX));
	a = test_child(posix_waiter, NULL);
	b = test_child(flock_waiter, NULL);
#ifdef __i386__
	wait_in_syscall(a, SYS_fcntl64);
#else
	wait_in_syscall(a, SYS_fcntl);
#endif
	wait_in_syscall(b, SYS_flock);
	test_daemon();
	test_waitsig();

	steps_reach(steps, 1);
	l.l_type = F_UNLCK;
	must(fcntl(fd, F_SETLK, &l));
	must(flock(fd, LOCK_UN));
	if (!test_reap(a, "who waits for a range") || !test_reap(b, "who waits for the file"))
		return fail("who waits");
	return pass();
}
