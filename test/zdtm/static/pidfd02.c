// SPDX-License-Identifier: GPL-2.0-only
/*
 * pidfds of processes that were reaped: they are of nobody, two of one are still of one, and how it
 * has ended can be asked for as before.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/pidfd.h, since Linux 6.15 */
#define INFO_EXIT (1ull << 3)
struct info {
	uint64_t mask, cgroupid;
	uint32_t ids[11];
	int32_t exit_code;
};
#define GET_INFO _IOWR(0xFF, 11, struct info)

/* 0: exits; else it is killed by this. */
static const int ends[] = { 0, SIGKILL, SIGTERM, SIGUSR1 };
static int fds[ARRAY_SIZE(ends)], before[ARRAY_SIZE(ends)];

static int child(void *arg)
{
	int sig = *(const int *)arg;

	if (sig) {
		must(signal(sig, SIG_DFL) == SIG_ERR && sig != SIGKILL ? -1 : 0);
		kill(getpid(), sig);
		for (;;)
			pause();
	}
	return 42;
}

/* -1: not known here. */
static int how_ended(int fd)
{
	struct info info = { .mask = INFO_EXIT };

	if (ioctl(fd, GET_INFO, &info) < 0 || !(info.mask & INFO_EXIT))
		return -1;
	return info.exit_code;
}

static pid_t start(size_t i, int flags)
{
	pid_t pid = test_child(child, (void *)(uintptr_t)&ends[i]);

	fds[i] = (int)must(syscall(SYS_pidfd_open, pid, flags));
	return pid;
}

int main(int argc, char **argv)
{
	struct stat a, b, c;
	int again, status;
	pid_t pid;

	test_init(argc, argv);
	pid = start(0, 0);
	again = (int)must(syscall(SYS_pidfd_open, pid, O_NONBLOCK));
	must(waitpid(pid, &status, 0));
	for (size_t i = 1; i < ARRAY_SIZE(ends); i++)
		must(waitpid(start(i, 0), &status, 0));
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		before[i] = how_ended(fds[i]);
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct pollfd p = { .fd = fds[i], .events = POLLIN };

		if (poll(&p, 1, 0) != 1 || !(p.revents & POLLIN))
			return fail("number %zu: poll: %#x", i, (unsigned int)p.revents);
		if (syscall(SYS_pidfd_send_signal, fds[i], 0, NULL, 0) != -1 || errno != ESRCH)
			return fail("number %zu is of somebody", i);
		if (how_ended(fds[i]) != before[i])
			return fail("number %zu: ended by %#x instead of %#x", i,
				    (unsigned int)how_ended(fds[i]), (unsigned int)before[i]);
	}
	if (!(fcntl(again, F_GETFL) & O_NONBLOCK) || fcntl(fds[0], F_GETFL) & O_NONBLOCK)
		return fail("flags");
	must(fstat(fds[0], &a));
	must(fstat(again, &b));
	must(fstat(fds[1], &c));
	if (a.st_ino != b.st_ino)
		return fail("two of the same process differ");
	if (before[0] != -1 && a.st_ino == c.st_ino)
		return fail("two of different processes do not differ");
	return pass();
}
