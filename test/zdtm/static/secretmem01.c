// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secret memory that processes share since a fork, and nobody has open: what one writes, the other
 * sees. A child that has let go of a part has all of the other.
 */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define PAGE 4096ul

static volatile char *shared;

static int child(void *arg)
{
	(void)arg;
	must(munmap((void *)(uintptr_t)shared, PAGE));
	must(kill(getppid(), SIGUSR1));
	test_waitsig();
	expect(shared[PAGE] == 'p', "what the parent has written is not there");
	shared[2 * PAGE] = 'c';
	return 0;
}

int main(int argc, char **argv)
{
	sigset_t set;
	pid_t pid;
	int fd, sig;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	fd = (int)must(syscall(SYS_memfd_secret, 0));
	must(ftruncate(fd, 3 * PAGE));
	shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(shared == MAP_FAILED ? -1 : 0);
	must(close(fd));
	shared[0] = 'a';
	shared[2 * PAGE] = 'z';
	pid = test_child(child, NULL);
	must0(sigwait(&set, &sig));

	test_daemon();
	test_waitsig();

	if (shared[0] != 'a' || shared[PAGE] || shared[2 * PAGE] != 'z')
		return fail("other contents: %d %d %d", shared[0], shared[PAGE], shared[2 * PAGE]);
	shared[PAGE] = 'p';
	must(kill(pid, SIGTERM));
	if (!test_reap(pid, "child"))
		return 1;
	return shared[2 * PAGE] == 'c' ? pass() : fail("what the child has written is not there");
}
