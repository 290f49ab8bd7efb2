// SPDX-License-Identifier: GPL-2.0-only
/* So many descriptors that fdinfo is not read of each, and what only fdinfo tells of some: locks of
 * files that look like all others, and what eventfds count; who is told of some by a signal. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#define NR    1200
#define FIRST 10

static char *filename;
TEST_OPTION(filename, string, "the first part of the names", true);

static int path_open(int i, int flags)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s.%d", filename, i % 100);
	return (int)must(open(path, flags, 0600));
}

static bool is_semaphore(int i)
{
	return i % 50 == 13;
}

/* An eventfd, and a file. */
static bool has_owner(int i)
{
	return i == 1003 || i == 1005;
}

static bool has_signal(int i)
{
	return i == 1013 || i == 1017;
}

static int make(int i)
{
	int fd;

	if (i % 10 == 3)
		return (int)must(eventfd((unsigned int)i, is_semaphore(i) ? EFD_SEMAPHORE : 0));
	fd = path_open(i, O_RDWR | O_CREAT | (i % 7 ? 0 : O_APPEND) | (i % 11 ? 0 : O_NONBLOCK));
	must(lseek(fd, i, SEEK_SET));
	return fd;
}

/* Far behind the first that are looked at. */
static bool is_locked(int i)
{
	return i == 902 || i == 1104;
}

static void check(int i)
{
	uint64_t count = 0;
	int fd = FIRST + i, flags;

	if (i % 10 == 3) {
		must(read(fd, &count, sizeof(count)));
		if (count != (is_semaphore(i) ? 1 : (uint64_t)i))
			fail("eventfd %d has counted to %llu", i, (unsigned long long)count);
		return;
	}
	if (lseek(fd, 0, SEEK_CUR) != i)
		fail("file %d is at %ld", i, (long)lseek(fd, 0, SEEK_CUR));
	flags = (int)must(fcntl(fd, F_GETFL));
	if (!(flags & O_APPEND) != !!(i % 7) || !(flags & O_NONBLOCK) != !!(i % 11))
		fail("file %d has flags %#x", i, flags);
}

static void check_locked(int i)
{
	int fd = path_open(i, O_RDONLY);

	if (flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		fail("the lock of file %d is gone", i);
	must(close(fd));
	must(flock(FIRST + i, LOCK_UN));
}

static void check_told(int i)
{
	int fd = FIRST + i;
	int owner = (int)must(fcntl(fd, F_GETOWN)), sig = (int)must(fcntl(fd, F_GETSIG));

	if (owner != (has_owner(i) ? getpid() : 0))
		fail("descriptor %d belongs to %d", i, owner);
	if (sig != (has_signal(i) ? SIGUSR2 : 0))
		fail("descriptor %d sends %d", i, sig);
}

/* In another process: one's own lock does not keep one out. */
static int look(void *arg)
{
	struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1 };

	(void)arg;
	must(fcntl(FIRST + 1006, F_GETLK, &l));
	if (l.l_type != F_WRLCK || l.l_pid != getppid())
		fail("the POSIX lock is gone");
	return 0;
}

int main(int argc, char **argv)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1 };
	struct rlimit limit;

	test_init(argc, argv);
	must(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max < 2000 ? limit.rlim_max : 2000;
	must(setrlimit(RLIMIT_NOFILE, &limit));
	for (int i = 0; i < NR; i++) {
		int fd = make(i);

		must(dup2(fd, FIRST + i));
		if (fd != FIRST + i)
			must(close(fd));
		if (is_locked(i))
			must(flock(FIRST + i, LOCK_EX));
		if (has_owner(i))
			must(fcntl(FIRST + i, F_SETOWN, getpid()));
		if (has_signal(i))
			must(fcntl(FIRST + i, F_SETSIG, SIGUSR2));
	}
	must(fcntl(FIRST + 1006, F_SETLK, &l));
	test_daemon();
	test_waitsig();

	if (!test_reap(test_child(look, NULL), "who looks"))
		return fail("who looks");
	for (int i = 0; i < NR; i++) {
		check(i);
		check_told(i);
		if (is_locked(i))
			check_locked(i);
	}
	return pass();
}
