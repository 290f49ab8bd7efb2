// SPDX-License-Identifier: GPL-2.0-only
/* A FIFO with both ends in one process: contents, flags, capacity; more ends can be opened. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "the FIFO", true);

#define DATA 100000

static void flags(int fd, int wanted)
{
	int got = (int)must(fcntl(fd, F_GETFL)) & ~0100000;

	if (got != wanted)
		fail("fd %d: flags %#o instead of %#o", fd, got, wanted);
}

int main(int argc, char **argv)
{
	static uint8_t data[DATA + 10];
	int in, out, both, more;
	size_t done = 0;

	test_init(argc, argv);
	must(mkfifo(filename, 0640));
	in = (int)must(open(filename, O_RDONLY | O_NONBLOCK));
	out = (int)must(open(filename, O_WRONLY | O_APPEND));
	both = (int)must(open(filename, O_RDWR));
	must(fcntl(in, F_SETPIPE_SZ, 262144));
	datagen(data, DATA, 1);
	must(write(out, data, DATA));
	test_daemon();
	test_waitsig();

	flags(in, O_RDONLY | O_NONBLOCK);
	flags(out, O_WRONLY | O_APPEND);
	flags(both, O_RDWR);
	if (fcntl(out, F_GETPIPE_SZ) != 262144)
		fail("capacity %d", fcntl(out, F_GETPIPE_SZ));
	must(write(both, "both", 4));
	more = (int)must(open(filename, O_WRONLY | O_NONBLOCK));
	must(write(more, "more", 4));
	while (done < DATA + 8) {
		ssize_t got = read(in, data + done, DATA + 10 - done);

		if (got <= 0)
			return fail("only %zu bytes of %d", done, DATA + 8);
		done += (size_t)got;
	}
	if (done != DATA + 8 || datachk(data, DATA, 1) != DATA)
		return fail("%zu bytes, byte %zu is wrong", done, datachk(data, DATA, 1));
	must(close(more));
	must(close(both));
	if (read(in, data, 1) != -1)
		fail("there is no writer left");
	must(close(out));
	if (read(in, data, 1) != 0)
		fail("there is one writer too many");
	return pass();
}
