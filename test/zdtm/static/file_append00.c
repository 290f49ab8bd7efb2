// SPDX-License-Identifier: GPL-2.0-only
/* A file open for appending: each write goes to the end, wherever the position is. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "file to use", true);

int main(int argc, char **argv)
{
	char text[64] = "";
	int fd, other;

	test_init(argc, argv);
	fd = (int)must(open(filename, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0644));
	must(write(fd, "one ", 4));
	must(lseek(fd, 1, SEEK_SET));
	test_daemon();
	test_waitsig();

	if (lseek(fd, 0, SEEK_CUR) != 1)
		fail("position %ld instead of 1", (long)lseek(fd, 0, SEEK_CUR));
	other = (int)must(open(filename, O_RDWR | O_APPEND));
	must(write(other, "two ", 4));
	must(write(fd, "three", 5));
	must(pread(other, text, sizeof(text) - 1, 0));
	if (strcmp(text, "one two three"))
		return fail("the file has \"%s\"", text);
	return pass();
}
