// SPDX-License-Identifier: GPL-2.0-only
/* Positions of open files, at the start, inside, and behind the end. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

#define SIZE 10000

static char *filename;
TEST_OPTION(filename, string, "file to use", true);

static const off_t positions[] = { 0, 1, 4321, SIZE, 1ll << 33 };

int main(int argc, char **argv)
{
	int fds[ARRAY_SIZE(positions)];
	uint8_t buf[SIZE];

	test_init(argc, argv);
	must(close(file_make(filename, SIZE, 1)));
	for (size_t i = 0; i < ARRAY_SIZE(positions); i++) {
		fds[i] = (int)must(open(filename, O_RDONLY));
		must(lseek(fds[i], positions[i], SEEK_SET));
	}
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(positions); i++) {
		size_t left = positions[i] < SIZE ? (size_t)(SIZE - positions[i]) : 0;
		off_t now = lseek(fds[i], 0, SEEK_CUR);
		ssize_t got = read(fds[i], buf, SIZE);

		if (now != positions[i])
			fail("position %ld instead of %ld", (long)now, (long)positions[i]);
		else if (got != (ssize_t)left)
			fail("from %ld: %zd bytes instead of %zu", (long)now, got, left);
		else if (datachk_at(buf, left, 1, (uint64_t)now) != left)
			fail("from %ld: wrong contents", (long)now);
	}
	return pass();
}
