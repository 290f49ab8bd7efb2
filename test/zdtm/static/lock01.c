// SPDX-License-Identifier: GPL-2.0-only
/* POSIX locks: ranges of both kinds, of two processes with the same descriptors, of a file that is
 * mapped and open more than once. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "the file", true);
static struct ready ready;
static int fd, in;

static void range(int of, short type, off_t start, off_t len)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	must(fcntl(of, F_SETLK, &l));
}

static int child(void *arg)
{
	(void)arg;
	range(fd, F_WRLCK, 100, 10);
	range(in, F_RDLCK, 200, 10);
	ready_report(&ready);
	test_waitsig();
	return 0;
}

/* Who keeps us from locking this byte for writing, and how. */
static void held(off_t at, pid_t wanted, short type)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

	must(fcntl(fd, F_GETLK, &l));
	if (wanted ? l.l_type != type || l.l_pid != wanted : l.l_type != F_UNLCK)
		fail("byte %ld: type %d of pid %d instead of %d of %d", (long)at, l.l_type,
		     (int)l.l_pid, type, (int)wanted);
}

/* Run in another process: one's own locks do not keep one out. */
static int look(void *arg)
{
	pid_t pid = *(pid_t *)arg;

	held(0, getppid(), F_WRLCK);
	held(9, getppid(), F_WRLCK);
	held(10, 0, 0);
	held(20, getppid(), F_RDLCK);
	held(100, pid, F_WRLCK);
	held(110, 0, 0);
	held(200, pid, F_RDLCK);
	held(1000, getppid(), F_WRLCK);
	held(1l << 30, getppid(), F_WRLCK);
	return 0;
}

static int look_again(void *arg)
{
	(void)arg;
	held(0, 0, 0);
	held(1000, 0, 0);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;
	char *map;

	test_init(argc, argv);
	fd = file_make(filename, 4096, 1);
	in = (int)must(open(filename, O_RDONLY));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return fail("mmap");
	range(fd, F_WRLCK, 0, 10);
	range(in, F_RDLCK, 20, 10);
	range(fd, F_WRLCK, 1000, 0);
	ready_init(&ready);
	pid = test_child(child, NULL);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (!test_reap(test_child(look, &pid), "who looks"))
		return fail("who looks");
	if (!test_stop(pid, "the child"))
		return fail("the child");
	must(close(in)); /* ends all locks of this process */
	if (!test_reap(test_child(look_again, NULL), "who looks again"))
		return fail("who looks again");
	return pass();
}
