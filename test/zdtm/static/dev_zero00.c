// SPDX-License-Identifier: GPL-2.0-only
/* /dev/zero, read, and mapped privately. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 65536

int main(int argc, char **argv)
{
	static uint8_t buf[SIZE];
	uint8_t *area;
	int fd;

	test_init(argc, argv);
	fd = (int)must(open("/dev/zero", O_RDWR));
	area = (uint8_t *)must(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	datagen(area, SIZE / 2, 1);
	test_daemon();
	test_waitsig();

	memset(buf, 1, sizeof(buf));
	if (read(fd, buf, sizeof(buf)) != sizeof(buf))
		return fail("it cannot be read");
	for (size_t i = 0; i < sizeof(buf); i++)
		if (buf[i])
			return fail("byte %zu is not zero", i);
	if (datachk(area, SIZE / 2, 1) != SIZE / 2)
		return fail("what was written into the mapping is lost");
	for (size_t i = SIZE / 2; i < SIZE; i++)
		if (area[i])
			return fail("byte %zu of the mapping is not zero", i);
	return pass();
}
