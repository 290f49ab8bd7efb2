// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors that are opened, copied and closed, all the time. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

#define SLOTS 32
#define FIRST 100

static char *filename;
TEST_OPTION(filename, string, "file to open", true);

int main(int argc, char **argv)
{
	off_t positions[SLOTS];
	uint32_t round = 0;

	test_init(argc, argv);
	must(close(file_make(filename, 10, 1)));
	for (int i = 0; i < SLOTS; i++)
		positions[i] = -1;
	test_daemon();
	do {
		uint32_t slot = ++round * 2654435761u % SLOTS;
		int fd = FIRST + (int)slot, low;

		if (positions[slot] != -1 && lseek(fd, 0, SEEK_CUR) != positions[slot])
			return fail("round %u: descriptor %d is at %ld instead of %ld", round, fd,
				    (long)lseek(fd, 0, SEEK_CUR), (long)positions[slot]);
		low = (int)must(open(filename, O_RDONLY | (round % 2 ? O_CLOEXEC : 0)));
		must(lseek(low, round, SEEK_SET));
		must(dup3(low, fd, round % 3 ? O_CLOEXEC : 0));
		must(close(low));
		positions[slot] = round;
	} while (test_go());
	return pass();
}
