// SPDX-License-Identifier: GPL-2.0-only
/* Leases for reading and writing; whoever opens the file sends the signal, with the descriptor. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "the first part of the names", true);
static char path[2][4096];

static int breaker(void *arg)
{
	expect(open(path[*(int *)arg], O_RDWR | O_NONBLOCK) < 0 && errno == EWOULDBLOCK,
	       "the file could be opened");
	return 0;
}

int main(int argc, char **argv)
{
	static const int kinds[] = { F_RDLCK, F_WRLCK };
	int fds[2];
	sigset_t set;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	for (int i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s.%d", filename, i);
		must(close(file_make(path[i], 10, 1)));
		fds[i] = (int)must(open(path[i], i ? O_RDWR : O_RDONLY));
		must(fcntl(fds[i], F_SETSIG, SIGRTMIN + 1));
		must(fcntl(fds[i], F_SETLEASE, kinds[i]));
	}
	test_daemon();
	test_waitsig();

	for (int i = 0; i < 2; i++) {
		struct timespec none = { 0 };
		siginfo_t info;

		if (fcntl(fds[i], F_GETLEASE) != kinds[i])
			fail("lease %d instead of %d", fcntl(fds[i], F_GETLEASE), kinds[i]);
		if (sigtimedwait(&set, &info, &none) > 0)
			fail("fd %d: a signal from the restore", info.si_fd);
		if (!test_reap(test_child(breaker, &i), "who opens the file"))
			fail("who opens the file");
		if (sigtimedwait(&set, &info, &none) < 0)
			fail("no signal for fd %d", fds[i]);
		else if (info.si_fd != fds[i])
			fail("the signal is for fd %d, not %d", info.si_fd, fds[i]);
		must(fcntl(fds[i], F_SETLEASE, F_UNLCK));
	}
	return pass();
}
