// SPDX-License-Identifier: GPL-2.0-only
/* A semaphore with a count of more than 32 bits keeps count, flags and nature. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const uint64_t count = 0x123456789aull;
	uint64_t got = count;
	int fd, flags;

	test_init(argc, argv);
	fd = must(eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK));
	must(write(fd, &got, sizeof(got)));
	test_daemon();
	test_waitsig();

	flags = fcntl(fd, F_GETFL);
	if (flags != (O_RDWR | O_NONBLOCK))
		return fail("the flags are %#o", flags);
	if (read(fd, &got, sizeof(got)) != sizeof(got) || got != 1)
		return fail("it is no semaphore any more: read %llu", (unsigned long long)got);
	got = UINT64_MAX - 1 - (count - 1);
	if (write(fd, &got, sizeof(got)) != sizeof(got))
		return fail("the count is too high");
	got = 1;
	if (write(fd, &got, sizeof(got)) == sizeof(got))
		return fail("the count is too low");
	return pass();
}
