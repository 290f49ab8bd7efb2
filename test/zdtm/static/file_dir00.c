// SPDX-License-Identifier: GPL-2.0-only
/* An open directory: what was not read yet comes, and what was read does not come again. */
#include "zdtmtst.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES  300
#define BUFFER 2048

static char *dirname;
TEST_OPTION(dirname, string, "directory to read", true);

static int seen[FILES];

/* Reads one buffer of names; false at the end. */
static bool names_read(int fd)
{
	char buf[BUFFER] __attribute__((aligned(8)));
	long got = must(syscall(SYS_getdents64, fd, buf, sizeof(buf)));

	for (long at = 0; at < got;) {
		const struct dirent64 *entry = (const void *)(buf + at);

		if (entry->d_name[0] == 'f')
			seen[atoi(entry->d_name + 1)]++;
		at += entry->d_reclen;
	}
	return got > 0;
}

int main(int argc, char **argv)
{
	char name[16];
	int fd, file;

	test_init(argc, argv);
	must(mkdir(dirname, 0755));
	fd = (int)must(open(dirname, O_RDONLY | O_DIRECTORY));
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		file = (int)must(openat(fd, name, O_CREAT | O_EXCL | O_WRONLY, 0644));
		must(close(file));
	}
	must(lseek(fd, 0, SEEK_SET));
	expect(names_read(fd) && names_read(fd), "the directory is too small");
	test_daemon();
	test_waitsig();

	while (names_read(fd))
		continue;
	for (int i = 0; i < FILES; i++)
		if (seen[i] != 1)
			fail("file %d was read %d times", i, seen[i]);
	if (unlinkat(fd, "f7", 0))
		fail("the descriptor is not this directory's");
	return pass();
}
