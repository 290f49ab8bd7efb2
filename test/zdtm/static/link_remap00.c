// SPDX-License-Identifier: GPL-2.0-only
/* Files that were deleted under the name that they were opened by, and have another one. */
#include "zdtmtst.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dirname;
TEST_OPTION(dirname, string, "directory for the files", true);

static void name(char *path, size_t size, const char *last)
{
	snprintf(path, size, "%s/%s", dirname, last);
}

static int linked(const char *first, const char *second)
{
	char path[4096], other[4096];
	int fd;

	name(path, sizeof(path), first);
	name(other, sizeof(other), second);
	fd = file_make(path, 100, 3);
	must(lseek(fd, 40, SEEK_SET));
	must(link(path, other));
	must(unlink(path));
	return fd;
}

static void is_the_file(int fd, const char *last, int links)
{
	struct stat st, named;
	char path[4096];

	name(path, sizeof(path), last);
	must(fstat(fd, &st));
	must(stat(path, &named));
	if (st.st_ino != named.st_ino || st.st_dev != named.st_dev)
		fail("%s is another file", last);
	if ((int)st.st_nlink != links)
		fail("%s has %d names", last, (int)st.st_nlink);
	if (must(lseek(fd, 0, SEEK_CUR)) != 40)
		fail("%s: position %ld", last, (long)lseek(fd, 0, SEEK_CUR));
}

static void names_are(int wanted)
{
	DIR *dir = opendir(dirname);
	struct dirent *de;
	int nr = 0;

	while ((de = readdir(dir)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			nr++;
	must(closedir(dir));
	if (nr != wanted)
		fail("%d names instead of %d", nr, wanted);
}

int main(int argc, char **argv)
{
	char link_name[64], path[4096];
	int fd, again, taken, other;

	test_init(argc, argv);
	must(mkdir(dirname, 0700));
	fd = linked("a", "b");
	snprintf(link_name, sizeof(link_name), "/proc/self/fd/%d", fd);
	again = (int)must(open(link_name, O_RDONLY));
	must(lseek(again, 40, SEEK_SET));
	/* The name is another file's by now. */
	taken = linked("c", "d");
	name(path, sizeof(path), "c");
	other = file_make(path, 10, 4);
	test_daemon();
	test_waitsig();

	is_the_file(fd, "b", 1);
	is_the_file(again, "b", 1);
	is_the_file(taken, "d", 1);
	must(pwrite(fd, "new", 3, 0));
	must(pread(again, path, 3, 0));
	if (memcmp(path, "new", 3) != 0)
		fail("what is written to one is not read from the other");
	must(close(other));
	names_are(3);
	return pass();
}
