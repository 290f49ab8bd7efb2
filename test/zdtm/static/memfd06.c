// SPDX-License-Identifier: GPL-2.0-only
/* Times of memfds: open, mapped, sealed. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#define MEMFDS 3

static const struct timespec times[MEMFDS][2] = {
	{ { 1000000001, 123456789 }, { 1000000002, 987654321 } },
	{ { 1100000001, 1 }, { 1000000002, 999999999 } },
	{ { 1200000001, 0 }, { 1200000002, 2 } },
};

static int memfd(const char *data)
{
	int fd = (int)must(memfd_create("memfd06", MFD_ALLOW_SEALING));

	must(write(fd, data, 5));
	return fd;
}

static bool same(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int main(int argc, char **argv)
{
	int fds[MEMFDS];

	test_init(argc, argv);
	for (int i = 0; i < MEMFDS; i++)
		fds[i] = memfd("times");
	expect(mmap(NULL, 5, PROT_READ, MAP_PRIVATE, fds[1], 0) != MAP_FAILED &&
		   mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, fds[2], 0) != MAP_FAILED,
	       "mmap");
	must(fcntl(fds[1], F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
	must(fcntl(fds[2], F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	for (int i = 0; i < MEMFDS; i++)
		must(futimens(fds[i], times[i]));
	test_daemon();
	test_waitsig();

	for (int i = 0; i < MEMFDS; i++) {
		struct stat st;

		must(fstat(fds[i], &st));
		if (!same(&st.st_atim, &times[i][0]))
			fail("memfd %d: accessed at %lld.%09ld", i, (long long)st.st_atim.tv_sec,
			     st.st_atim.tv_nsec);
		if (!same(&st.st_mtim, &times[i][1]))
			fail("memfd %d: changed at %lld.%09ld", i, (long long)st.st_mtim.tv_sec,
			     st.st_mtim.tv_nsec);
	}
	return pass();
}
