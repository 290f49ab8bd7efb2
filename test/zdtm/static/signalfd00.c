// SPDX-License-Identifier: GPL-2.0-only
/* A signalfd keeps its mask and reads a signal that was pending, and none that is not in it. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct signalfd_siginfo info = { 0 };
	union sigval value = { .sival_int = 4711 };
	sigset_t wanted, all;
	int fd, flags;

	test_init(argc, argv);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR1);
	sigaddset(&wanted, SIGRTMIN + 3);
	all = wanted;
	sigaddset(&all, SIGUSR2);
	must(sigprocmask(SIG_BLOCK, &all, NULL));
	fd = must(signalfd(-1, &wanted, SFD_NONBLOCK));
	must(sigqueue(getpid(), SIGRTMIN + 3, value));
	must(kill(getpid(), SIGUSR2));
	test_daemon();
	test_waitsig();

	flags = fcntl(fd, F_GETFL);
	if (flags != (O_RDWR | O_NONBLOCK))
		return fail("the flags are %#o", flags);
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return fail("nothing to read");
	if (info.ssi_signo != (uint32_t)SIGRTMIN + 3 || info.ssi_int != 4711)
		return fail("read signal %u with value %d", info.ssi_signo, info.ssi_int);
	if (read(fd, &info, sizeof(info)) >= 0)
		return fail("read signal %u, which is not in the mask", info.ssi_signo);
	must(kill(getpid(), SIGUSR1));
	if (read(fd, &info, sizeof(info)) != sizeof(info) || info.ssi_signo != SIGUSR1)
		return fail("a new signal is not read");
	return pass();
}
