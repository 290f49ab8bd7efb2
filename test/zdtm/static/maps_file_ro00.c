// SPDX-License-Identifier: GPL-2.0-only
/* A read-only private mapping of a part of a file that is closed. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 8
#define PAGE  4096

static char *filename;
TEST_OPTION(filename, string, "file to map", true);

int main(int argc, char **argv)
{
	uint8_t *area;
	int fd;

	test_init(argc, argv);
	must(close(file_make(filename, PAGES * PAGE, 1)));
	fd = (int)must(open(filename, O_RDONLY));
	area = (uint8_t *)must(mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 3 * PAGE));
	must(close(fd));
	test_daemon();
	test_waitsig();

	if (datachk_at(area, 4 * PAGE, 1, 3 * PAGE) != 4 * PAGE)
		return fail("the contents are wrong");
	must(mprotect(area, PAGE, PROT_READ | PROT_WRITE)); /* a private one may become so */
	datagen(area, PAGE, 2);
	return pass();
}
