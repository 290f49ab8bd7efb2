// SPDX-License-Identifier: GPL-2.0-only
/* Pipes with another capacity, smaller and larger, one of them with data. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

#define DATA 200000

static const int sizes[] = { 4096, 16384, 65536, 262144, 1048576 };

int main(int argc, char **argv)
{
	static uint8_t data[DATA];
	int fds[ARRAY_SIZE(sizes)][2];
	size_t done = 0;

	test_init(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		must(pipe2(fds[i], O_NONBLOCK));
		must(fcntl(fds[i][0], F_SETPIPE_SZ, sizes[i]));
	}
	datagen(data, DATA, 1);
	must(write(fds[3][1], data, DATA));
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int now = fcntl(fds[i][1], F_GETPIPE_SZ);

		if (now != sizes[i])
			fail("capacity %d instead of %d", now, sizes[i]);
	}
	while (done < DATA) {
		ssize_t got = read(fds[3][0], data + done, DATA - done);

		if (got <= 0)
			return fail("only %zu bytes of %d", done, DATA);
		done += (size_t)got;
	}
	if (datachk(data, DATA, 1) != DATA)
		return fail("byte %zu is wrong", datachk(data, DATA, 1));
	return pass();
}
