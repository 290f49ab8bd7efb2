// SPDX-License-Identifier: GPL-2.0-only
/* Files and the directory of /proc/PID, of a process that has been reaped since. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS, AGAIN, MAPS, DIRECTORY, PATH, COMM, OTHER, FILES };

static int fds[FILES];

static int stay(void *arg)
{
	for (;;)
		pause();
	return !arg;
}

static int open_of(pid_t pid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return (int)must(open(path, flags));
}

static void scene_set(void)
{
	pid_t pid = test_child(stay, NULL), other = test_child(stay, NULL);
	char byte;

	fds[STATUS] = open_of(pid, "status", O_RDONLY);
	fds[AGAIN] = open_of(pid, "status", O_RDONLY);
	fds[MAPS] = open_of(pid, "maps", O_RDONLY);
	fds[DIRECTORY] = open_of(pid, "", O_RDONLY | O_DIRECTORY);
	fds[PATH] = open_of(pid, "stat", O_PATH);
	fds[COMM] = open_of(pid, "comm", O_RDWR | O_NONBLOCK);
	fds[OTHER] = open_of(other, "task", O_RDONLY | O_DIRECTORY);
	must(read(fds[STATUS], &byte, 1));
	must(read(fds[MAPS], &byte, 1));
	must(kill(pid, SIGKILL));
	must(kill(other, SIGKILL));
	must(waitpid(pid, NULL, 0));
	must(waitpid(other, NULL, 0));
}

static void expect_gone(const char *who, ssize_t n)
{
	if (n != -1 || errno != ESRCH)
		fail("%s: read says %zd, errno %d", who, n, errno);
}

int main(int argc, char **argv)
{
	char byte;

	test_init(argc, argv);
	scene_set();
	test_daemon();
	test_waitsig();

	expect_gone("status", pread(fds[AGAIN], &byte, 1, 0));
	if (lseek(fds[STATUS], 0, SEEK_CUR) != 1)
		fail("status: at %lld", (long long)lseek(fds[STATUS], 0, SEEK_CUR));
	expect_gone("maps", pread(fds[MAPS], &byte, 1, 0));
	expect_gone("comm", pread(fds[COMM], &byte, 1, 0));
	if (openat(fds[DIRECTORY], "status", O_RDONLY) != -1 || errno != ESRCH)
		fail("there is a file in the directory: errno %d", errno);
	if ((fcntl(fds[COMM], F_GETFL) & (O_ACCMODE | O_NONBLOCK)) != (O_RDWR | O_NONBLOCK))
		fail("comm: the flags are %#o", fcntl(fds[COMM], F_GETFL));
	if (fcntl(fds[PATH], F_GETFL) != O_PATH)
		fail("O_PATH: the flags are %#o", fcntl(fds[PATH], F_GETFL));
	return pass();
}
