// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seals of memfds stay, with the contents under them. One that cannot be executed stays so.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

#define SIZE 20000

static const int seals[] = {
	0,
	F_SEAL_GROW,
	F_SEAL_SHRINK,
	F_SEAL_WRITE,
	F_SEAL_FUTURE_WRITE,
	F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE,
	F_SEAL_SEAL | F_SEAL_FUTURE_WRITE,
};

static int fds[ARRAY_SIZE(seals)];

static int make(unsigned int flags)
{
	uint8_t data[SIZE];
	int fd = (int)must(memfd_create("sealed", flags));

	datagen(data, sizeof(data), 1);
	must(write(fd, data, sizeof(data)));
	return fd;
}

static bool check(int fd, int want)
{
	uint8_t data[SIZE];
	int got = fcntl(fd, F_GET_SEALS);

	if (got != want) {
		fail("seals %#x instead of %#x", got, want);
		return false;
	}
	if (pread(fd, data, sizeof(data), 0) != SIZE || datachk(data, sizeof(data), 1) != SIZE) {
		fail("contents under seals %#x", want);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct stat st;
	uint8_t *reader;
	int noexec;

	test_init(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(seals); i++) {
		fds[i] = make(MFD_ALLOW_SEALING);
		must(fcntl(fds[i], F_ADD_SEALS, seals[i]));
	}
	/* A kernel before 6.7 refuses this. */
	reader = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fds[3], 0);
	noexec = memfd_create("noexec", MFD_NOEXEC_SEAL);
	expect(noexec >= 0 || errno == EINVAL, "memfd_create");
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(seals); i++)
		if (!check(fds[i], seals[i]))
			return 1;
	if (reader != MAP_FAILED && datachk(reader, SIZE, 1) != SIZE)
		return fail("a mapping for reading");
	if (noexec < 0)
		return pass();
	must(fstat(noexec, &st));
	if (fcntl(noexec, F_GET_SEALS) != F_SEAL_EXEC || st.st_mode & 0111)
		return fail("seals %#x, mode %o", fcntl(noexec, F_GET_SEALS), st.st_mode);
	if (fchmod(noexec, 0755) != -1 || errno != EPERM)
		return fail("it can be made executable");
	return pass();
}
