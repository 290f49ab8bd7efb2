// SPDX-License-Identifier: GPL-2.0-only
/* A file that grows by one record after the other; in the end it has each of them once. */
#include "zdtmtst.h"

#include <unistd.h>

#define RECORD 100

static char *filename;
TEST_OPTION(filename, string, "file to write", true);

int main(int argc, char **argv)
{
	uint8_t record[RECORD];
	uint32_t written = 0;
	int fd;

	test_init(argc, argv);
	fd = file_make(filename, 0, 0);
	test_daemon();
	do {
		datagen(record, RECORD, written++);
		if (write(fd, record, RECORD) != RECORD)
			return fail("record %u was not written", written);
	} while (test_go());

	if (lseek(fd, 0, SEEK_CUR) != (off_t)written * RECORD)
		return fail("position %ld after %u records", (long)lseek(fd, 0, SEEK_CUR), written);
	must(lseek(fd, 0, SEEK_SET));
	for (uint32_t i = 0; i < written; i++) {
		if (read(fd, record, RECORD) != RECORD)
			return fail("the file ends after %u records of %u", i, written);
		if (datachk(record, RECORD, i) != RECORD)
			return fail("record %u is wrong", i);
	}
	if (read(fd, record, 1) != 0)
		return fail("the file has more than %u records", written);
	return pass();
}
