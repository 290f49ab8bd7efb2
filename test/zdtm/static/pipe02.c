// SPDX-License-Identifier: GPL-2.0-only
/* A pipe that is full to the last byte. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SIZE 65536

int main(int argc, char **argv)
{
	static uint8_t data[SIZE];
	int fds[2];

	test_init(argc, argv);
	must(pipe2(fds, O_NONBLOCK));
	must(fcntl(fds[0], F_SETPIPE_SZ, SIZE));
	datagen(data, SIZE, 1);
	for (size_t done = 0; done < SIZE;)
		done += (size_t)must(write(fds[1], data + done, SIZE - done));
	expect(write(fds[1], "x", 1) == -1 && errno == EAGAIN, "the pipe is not full");
	test_daemon();
	test_waitsig();

	if (write(fds[1], "x", 1) != -1 || errno != EAGAIN)
		return fail("the pipe has got room");
	for (size_t done = 0; done < SIZE;) {
		ssize_t got = read(fds[0], data + done, SIZE - done);

		if (got <= 0)
			return fail("only %zu bytes of %d", done, SIZE);
		done += (size_t)got;
	}
	if (datachk(data, SIZE, 1) != SIZE)
		return fail("byte %zu is wrong", datachk(data, SIZE, 1));
	if (read(fds[0], data, 1) != -1 || errno != EAGAIN)
		return fail("there is more than was written");
	return pass();
}
