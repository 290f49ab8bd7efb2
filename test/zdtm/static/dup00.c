// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors made by dup(2) have one position and one set of flags; another open has its own. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "file to use", true);

int main(int argc, char **argv)
{
	int fd, copy, far, other;

	test_init(argc, argv);
	fd = file_make(filename, 100, 1);
	copy = (int)must(dup(fd));
	far = (int)must(fcntl(fd, F_DUPFD, 77));
	other = (int)must(open(filename, O_RDWR));
	must(lseek(fd, 10, SEEK_SET));
	test_daemon();
	test_waitsig();

	must(lseek(copy, 33, SEEK_SET));
	if (lseek(fd, 0, SEEK_CUR) != 33 || lseek(far, 0, SEEK_CUR) != 33)
		fail("the copies have positions %ld and %ld instead of 33",
		     (long)lseek(fd, 0, SEEK_CUR), (long)lseek(far, 0, SEEK_CUR));
	if (lseek(other, 0, SEEK_CUR))
		fail("another file has moved to %ld", (long)lseek(other, 0, SEEK_CUR));
	must(fcntl(far, F_SETFL, O_APPEND));
	if (!(fcntl(fd, F_GETFL) & O_APPEND))
		fail("the copies do not share their flags");
	if (fcntl(other, F_GETFL) & O_APPEND)
		fail("another file shares the flags");
	return pass();
}
