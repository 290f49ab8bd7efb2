// SPDX-License-Identifier: GPL-2.0-only
/* A thousand descriptors, half of them open files of their own, half of them copies. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES 500
#define FIRST 10

static char *filename;
TEST_OPTION(filename, string, "file to use", true);

int main(int argc, char **argv)
{
	struct rlimit limit;

	test_init(argc, argv);
	must(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max < 2000 ? limit.rlim_max : 2000;
	must(setrlimit(RLIMIT_NOFILE, &limit));
	must(dup2(file_make(filename, 1000, 1), FIRST - 1));
	for (int i = 0; i < FILES; i++) {
		int low = (int)must(open(filename, O_RDONLY));

		must(dup2(low, FIRST + 2 * i));
		must(dup2(low, FIRST + 2 * i + 1));
		must(close(low));
		must(lseek(FIRST + 2 * i, i, SEEK_SET));
	}
	test_daemon();
	test_waitsig();

	for (int i = 0; i < FILES; i++) {
		if (lseek(FIRST + 2 * i, 0, SEEK_CUR) != i)
			fail("file %d is at %ld", i, (long)lseek(FIRST + 2 * i, 0, SEEK_CUR));
		must(lseek(FIRST + 2 * i, 1000, SEEK_CUR));
		if (lseek(FIRST + 2 * i + 1, 0, SEEK_CUR) != 1000 + i)
			fail("the copy of file %d is on its own", i);
	}
	return pass();
}
