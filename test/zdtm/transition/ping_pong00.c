// SPDX-License-Identifier: GPL-2.0-only
/* Two processes pass data to and fro through two pipes, all the time. */
#include "zdtmtst.h"

#include <unistd.h>

#define LARGEST 20000

static int down[2], up[2];

static size_t size_of(uint32_t round)
{
	return 1 + round * 7919u % LARGEST;
}

static void all_write(int fd, uint32_t seed, size_t size)
{
	uint8_t data[LARGEST];

	datagen(data, size, seed);
	for (size_t done = 0; done < size;)
		done += (size_t)must(write(fd, data + done, size - done));
}

/* False at the end of the pipe. */
static bool all_read(int fd, uint32_t seed, size_t size)
{
	uint8_t data[LARGEST];
	ssize_t got;

	for (size_t done = 0; done < size; done += (size_t)got) {
		got = must(read(fd, data + done, size - done));
		if (!got && !done)
			return false;
		expect(got, "round %u: the pipe ends after %zu bytes", seed / 2, done);
	}
	expect(datachk(data, size, seed) == size, "round %u: byte %zu of %zu is wrong", seed / 2,
	       datachk(data, size, seed), size);
	return true;
}

static int child(void *arg)
{
	(void)arg;
	must(close(down[1]));
	must(close(up[0]));
	for (uint32_t round = 0; all_read(down[0], 2 * round, size_of(round)); round++)
		all_write(up[1], 2 * round + 1, size_of(round));
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t round = 0;
	pid_t pid;

	test_init(argc, argv);
	must(pipe(down));
	must(pipe(up));
	pid = test_companion(child, NULL);
	must(close(down[0]));
	must(close(up[1]));
	/* The first answer tells that the child has closed its ends, too. */
	do {
		all_write(down[1], 2 * round, size_of(round));
		if (!all_read(up[0], 2 * round + 1, size_of(round)))
			return fail("round %u: no answer", round);
		if (round++ == 0)
			test_daemon();
	} while (test_go());
	must(close(down[1]));
	if (!test_reap(pid, "child"))
		return fail("the child is not well");
	return pass();
}
