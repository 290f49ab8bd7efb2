// SPDX-License-Identifier: GPL-2.0-only
/* The access mode and the status flags of open files. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "file to use", true);

static const int flags[] = {
	O_RDONLY,
	O_WRONLY,
	O_RDWR,
	O_RDONLY | O_NOATIME,
	O_WRONLY | O_APPEND | O_NONBLOCK,
	O_RDWR | O_SYNC,
	O_RDWR | O_DSYNC | O_NOFOLLOW,
	3, /* neither to read nor to write, for ioctl only */
};

int main(int argc, char **argv)
{
	int fds[ARRAY_SIZE(flags)], before[ARRAY_SIZE(flags)];

	test_init(argc, argv);
	must(close(file_make(filename, 100, 1)));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		fds[i] = (int)must(open(filename, flags[i]));
		before[i] = (int)must(fcntl(fds[i], F_GETFL));
	}
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int mode = flags[i] & O_ACCMODE;
		bool may_read = mode == O_RDONLY || mode == O_RDWR;
		bool may_write = mode == O_WRONLY || mode == O_RDWR;
		int now = fcntl(fds[i], F_GETFL);
		char byte;

		if (now != before[i])
			fail("file %zu: flags %#o instead of %#o", i, now, before[i]);
		if ((pread(fds[i], &byte, 1, 0) == 1) != may_read)
			fail("file %zu can %sbe read", i, may_read ? "not " : "");
		if ((write(fds[i], "", 1) == 1) != may_write)
			fail("file %zu can %sbe written", i, may_write ? "not " : "");
	}
	return pass();
}
