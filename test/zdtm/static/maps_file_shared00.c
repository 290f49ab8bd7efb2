// SPDX-License-Identifier: GPL-2.0-only
/* Shared mappings of a file: written after the restore, the file has it, and so has the other. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 8
#define PAGE  4096

static char *filename;
TEST_OPTION(filename, string, "file to map", true);

int main(int argc, char **argv)
{
	uint8_t *area, *reader, buf[PAGE];
	int fd;

	test_init(argc, argv);
	fd = file_make(filename, PAGES * PAGE, 1);
	area = (uint8_t *)must(mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	must(close(fd));
	fd = (int)must(open(filename, O_RDONLY));
	reader = (uint8_t *)must(mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0));
	datagen(area + PAGE, PAGE, 2);
	test_daemon();
	test_waitsig();

	if (datachk(area, PAGE, 1) != PAGE || datachk(area + PAGE, PAGE, 2) != PAGE)
		return fail("the contents are wrong");
	datagen(area + 2 * PAGE, PAGE, 3);
	must(pread(fd, buf, PAGE, 2 * PAGE));
	if (datachk(buf, PAGE, 3) != PAGE)
		fail("the file has not got what was written into the mapping");
	if (datachk(reader + 2 * PAGE, PAGE, 3) != PAGE)
		fail("the second mapping has not got what was written into the first");
	if (!mprotect(reader, PAGE, PROT_READ | PROT_WRITE) || errno != EACCES)
		fail("the mapping of a file open for reading may be written");
	return pass();
}
