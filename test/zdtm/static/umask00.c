// SPDX-License-Identifier: GPL-2.0-only
/* The file mode creation mask, as umask(2) tells it and as open(2) uses it. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "file to make", true);

int main(int argc, char **argv)
{
	struct stat st;
	mode_t mask;

	test_init(argc, argv);
	umask(0345);
	test_daemon();
	test_waitsig();

	must(open(filename, O_RDWR | O_CREAT | O_EXCL, 0777));
	must(stat(filename, &st));
	if ((st.st_mode & 0777) != 0432)
		return fail("a new file has mode %#o instead of 0432", st.st_mode & 0777);
	mask = umask(0);
	if (mask != 0345)
		return fail("the mask is %#o instead of 0345", mask);
	return pass();
}
