// SPDX-License-Identifier: GPL-2.0-only
/* A file that 32-bit code has opened for small offsets only stays so: beyond 2 GiB writing is an
 * error. One with O_LARGEFILE takes them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "zdtmtst.h"

#define FAR_OFFSET 0x80000000ll

static char *filename;
TEST_OPTION(filename, string, "file to work on", true);

int main(int argc, char **argv)
{
	int small, large;

	test_init(argc, argv);
	small = must(open(filename, O_RDWR | O_CREAT, 0644));
	large = must(open(filename, O_RDWR | O_LARGEFILE));
	test_daemon();
	test_waitsig();

	if (fcntl(small, F_GETFL) & O_LARGEFILE)
		fail("the small file is a large one");
	if (pwrite64(small, "x", 1, FAR_OFFSET) != -1 || errno != EFBIG)
		fail("writing to the small file: %s", strerror(errno));
	if (!(fcntl(large, F_GETFL) & O_LARGEFILE))
		fail("the large file is a small one");
	if (pwrite64(large, "x", 1, FAR_OFFSET) != 1)
		fail("writing to the large file: %s", strerror(errno));
	return pass();
}
