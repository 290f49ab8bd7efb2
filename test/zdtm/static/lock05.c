// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases that are to be given up: what they must become, that nobody gets the file before, and that
 * their owner is not told again. One is waited for by a process of the tree.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "the first part of the names", true);

/* Held with flags; whoever opens it with `opened` makes it become `wanted`. */
static const struct {
	int flags, kind, opened, wanted;
} lease[] = {
	{ O_RDWR, F_WRLCK, O_RDONLY, F_RDLCK },   { O_RDWR, F_WRLCK, O_WRONLY, F_UNLCK },
	{ O_RDONLY, F_RDLCK, O_WRONLY, F_UNLCK }, { O_RDONLY, F_WRLCK, O_RDONLY, F_RDLCK },
	{ O_RDONLY, F_RDLCK, O_RDWR, F_UNLCK }, /* somebody waits */
};
#define LEASES  ((int)ARRAY_SIZE(lease))
#define WAITING (LEASES - 1)

static char path[LEASES][4096];

/* Whether somebody else gets the file. */
static int other(void *arg)
{
	int i = *(int *)arg, fd = open(path[i], lease[i].opened | O_NONBLOCK);

	if (fd < 0)
		expect(errno == EWOULDBLOCK, "open: errno %d", errno);
	return fd < 0 ? 1 : 0;
}

static bool can_be_had(int i)
{
	pid_t pid = test_child(other, &i);
	int status;

	must(waitpid(pid, &status, 0));
	return status == 0;
}

static int waiter(void *arg)
{
	(void)arg;
	must(open(path[WAITING], lease[WAITING].opened));
	return 0;
}

int main(int argc, char **argv)
{
	const struct timespec none = { 0 };
	int fds[LEASES];
	siginfo_t info;
	sigset_t set;
	pid_t pid;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	for (int i = 0; i < LEASES; i++) {
		snprintf(path[i], sizeof(path[i]), "%s.%d", filename, i);
		must(close(file_make(path[i], 10, 1)));
		fds[i] = (int)must(open(path[i], lease[i].flags));
		must(fcntl(fds[i], F_SETSIG, SIGRTMIN + 1));
		must(fcntl(fds[i], F_SETLEASE, lease[i].kind));
		if (i < WAITING)
			expect(!can_be_had(i), "file %d can be opened", i);
	}
	pid = test_child(waiter, NULL);
	wait_in_syscall(pid, SYS_openat);
	for (int i = 0; i < LEASES; i++)
		must(sigtimedwait(&set, &info, &none));
	test_daemon();
	test_waitsig();

	if (sigtimedwait(&set, &info, &none) > 0)
		fail("fd %d: told again", info.si_fd);
	for (int i = 0; i < LEASES; i++) {
		struct f_owner_ex owner = { 0 };

		must(fcntl(fds[i], F_GETOWN_EX, &owner));
		if (owner.type != F_OWNER_PID || owner.pid != getpid())
			fail("file %d: owner %d", i, (int)owner.pid);
		if (fcntl(fds[i], F_GETLEASE) != lease[i].wanted)
			fail("lease %d must become %d instead of %d", i, fcntl(fds[i], F_GETLEASE),
			     lease[i].wanted);
		if (i < WAITING && can_be_had(i))
			fail("file %d can be opened", i);
		/* What is open for writing cannot have a read lease. */
		if (fcntl(fds[i], F_SETLEASE,
			  lease[i].flags == O_RDONLY ? lease[i].wanted : F_UNLCK) < 0)
			fail("lease %d cannot become what it must", i);
		if (i < WAITING && !can_be_had(i))
			fail("file %d cannot be opened", i);
	}
	if (!test_reap(pid, "who waits"))
		fail("who waits");
	return pass();
}
