// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors with very high numbers, the last the limit allows among them; none between. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define HIGHEST 19000

static char *filename;
TEST_OPTION(filename, string, "file to use", true);

static const int numbers[] = { 1023, 1024, 4095, 16384, HIGHEST };

int main(int argc, char **argv)
{
	struct rlimit limit;
	int fd;

	test_init(argc, argv);
	must(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = HIGHEST + 1;
	must(setrlimit(RLIMIT_NOFILE, &limit));
	fd = file_make(filename, 1000, 1);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		int low = (int)must(open(filename, O_RDONLY));

		must(dup2(low, numbers[i]));
		must(close(low));
		must(lseek(numbers[i], numbers[i] % 1000, SEEK_SET));
	}
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (lseek(numbers[i], 0, SEEK_CUR) != numbers[i] % 1000)
			fail("descriptor %d is at %ld", numbers[i],
			     (long)lseek(numbers[i], 0, SEEK_CUR));
	for (int i = fd + 1; i < numbers[0]; i++)
		if (fcntl(i, F_GETFD) != -1 || errno != EBADF)
			return fail("descriptor %d is open", i);
	return pass();
}
