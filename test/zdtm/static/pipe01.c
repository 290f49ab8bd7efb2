// SPDX-License-Identifier: GPL-2.0-only
/* Data in a pipe stays there, once and in order. */
#include "zdtmtst.h"

#include <unistd.h>

#define SIZE 30000

int main(int argc, char **argv)
{
	static uint8_t data[SIZE + 1];
	size_t done = 0;
	int fds[2];

	test_init(argc, argv);
	must(pipe(fds));
	datagen(data, SIZE, 1);
	for (size_t part = 1; done < SIZE; part = part * 3 + 1) { /* pieces of many lengths */
		if (part > SIZE - done)
			part = SIZE - done;
		must(write(fds[1], data + done, part));
		done += part;
	}
	test_daemon();
	test_waitsig();

	must(close(fds[1]));
	for (done = 0; done <= SIZE;) {
		ssize_t got = must(read(fds[0], data + done, SIZE + 1 - done));

		if (!got)
			break;
		done += (size_t)got;
	}
	if (done != SIZE)
		return fail("%zu bytes instead of %d", done, SIZE);
	if (datachk(data, SIZE, 1) != SIZE)
		return fail("byte %zu is wrong", datachk(data, SIZE, 1));
	return pass();
}
