// SPDX-License-Identifier: GPL-2.0-only
/* flock(2): exclusive and shared, of a description that parent and child have. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "the first part of the names", true);
static struct ready ready;
static int fds[3];

static int file_open(char kind, int flags)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s.%c", filename, kind);
	return (int)must(open(path, flags, 0600));
}

/* Locks what the parent has opened, and has it open like the parent. */
static int child(void *arg)
{
	(void)arg;
	must(flock(fds[2], LOCK_EX));
	ready_report(&ready);
	test_waitsig();
	must(flock(fds[0], LOCK_UN));
	return 0;
}

static void can(char kind, int operation, int wanted)
{
	int fd = file_open(kind, O_RDONLY), got = flock(fd, operation | LOCK_NB);

	if (got != wanted || (got < 0 && errno != EWOULDBLOCK))
		fail("file %c: flock %d says %d instead of %d", kind, operation, got, wanted);
	must(close(fd));
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	for (char kind = 'a'; kind <= 'c'; kind++)
		fds[kind - 'a'] = file_open(kind, O_RDWR | O_CREAT);
	must(flock(fds[0], LOCK_EX));
	must(flock(fds[1], LOCK_SH));
	ready_init(&ready);
	pid = test_child(child, NULL);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	can('a', LOCK_SH, -1);
	can('a', LOCK_EX, -1);
	can('b', LOCK_SH, 0);
	can('b', LOCK_EX, -1);
	can('c', LOCK_SH, -1);
	if (!test_stop(pid, "the child"))
		return fail("the child");
	can('a', LOCK_EX, 0); /* unlocked by the child: they have one description */
	can('c', LOCK_SH, -1); /* held on by the parent */
	must(close(fds[2]));
	can('c', LOCK_EX, 0);
	return pass();
}
