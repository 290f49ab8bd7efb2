// SPDX-License-Identifier: GPL-2.0-only
/* Packets (O_DIRECT) stay packets, what was written without the flag stays none, in one pipe. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void put(int fd, size_t size, uint32_t seed, bool packet)
{
	uint8_t data[4096];

	must(fcntl(fd, F_SETFL, packet ? O_DIRECT : 0));
	datagen(data, size, seed);
	must(write(fd, data, size));
}

/* What a read of up to ROOM bytes brings: SIZE bytes, the last of them from a write with this
 * seed, from the byte FROM of it on. */
static void get(int fd, size_t room, size_t size, uint32_t seed, uint64_t from)
{
	uint8_t data[20000];
	ssize_t got = read(fd, data, room);

	if (got != (ssize_t)size)
		fail("seed %u: a read of %zu brings %zd bytes instead of %zu", seed, room, got,
		     size);
	else if (datachk_at(data, size, seed, from) != size)
		fail("seed %u: byte %zu is wrong", seed, datachk_at(data, size, seed, from));
}

/* A marker that is no packet ends up in the same read as what is before it, if that is none. */
static void check_last(int fds[2], size_t size, bool packet)
{
	uint8_t data[100];
	ssize_t got;

	must(fcntl(fds[1], F_SETFL, 0));
	must(write(fds[1], "x", 1));
	got = read(fds[0], data, sizeof(data));
	if (got != (ssize_t)size + !packet)
		fail("%zd bytes at the end, %s packet", got, packet ? "with a" : "without a");
}

int main(int argc, char **argv)
{
	int a[2], b[2], c[2], end;
	uint8_t data[100];

	test_init(argc, argv);
	must(pipe2(a, O_NONBLOCK));
	must(pipe2(b, O_NONBLOCK | O_DIRECT));
	must(pipe2(c, O_NONBLOCK));

	put(a[1], 10, 1, false);
	put(a[1], 4096, 2, true); /* a shorter one would go into the buffer before */
	put(a[1], 1, 3, true);
	put(a[1], 1, 4, true);
	put(a[1], 4096, 5, true);
	put(a[1], 30, 6, true); /* to be read in part: the rest goes */
	put(a[1], 4096, 7, false); /* to be read in part: the rest stays */
	put(a[1], 50, 8, true);
	put(a[1], 60, 9, true); /* the last: is a packet */

	/* Every place is taken: nothing fits behind it. */
	for (uint32_t i = 0; i < 16; i++)
		put(b[1], 3 + i, i, true);
	must(fcntl(b[1], F_SETFL, O_DIRECT | O_NONBLOCK));

	put(c[1], 5, 1, true);
	put(c[1], 7, 2, false); /* the last: is none, and the flag is on */
	must(fcntl(c[1], F_SETFL, O_DIRECT));
	test_daemon();
	test_waitsig();

	get(a[0], 10, 10, 1, 0);
	get(a[0], 20000, 4096, 2, 0);
	get(a[0], 20000, 1, 3, 0);
	get(a[0], 20000, 1, 4, 0);
	get(a[0], 20000, 4096, 5, 0);
	get(a[0], 12, 12, 6, 0);
	get(a[0], 15, 15, 7, 0);
	get(a[0], 4081, 4081, 7, 15);
	get(a[0], 49, 49, 8, 0);
	check_last(a, 60, true);

	if (write(b[1], "x", 1) != -1)
		fail("the full pipe is not full");
	for (uint32_t i = 0; i < 16; i++)
		get(b[0], 20000, 3 + i, i, 0);
	if (fcntl(b[1], F_GETFL) != (O_WRONLY | O_NONBLOCK | O_DIRECT))
		fail("the flags are %#o", fcntl(b[1], F_GETFL));

	end = fcntl(c[1], F_GETFL);
	if (end != (O_WRONLY | O_DIRECT))
		fail("the flags are %#o", end);
	get(c[0], 20000, 5, 1, 0);
	check_last(c, 7, false);
	must(fcntl(c[1], F_SETFL, O_DIRECT));
	must(write(c[1], "ab", 2));
	must(write(c[1], "cd", 2));
	if (read(c[0], data, sizeof(data)) != 2 || read(c[0], data, sizeof(data)) != 2)
		fail("new packets are none");
	return pass();
}
