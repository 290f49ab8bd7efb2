// SPDX-License-Identifier: GPL-2.0-only
/* Directories that were removed: open, a working directory, and one that went with all in it. */
#include "zdtmtst.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dirname;
TEST_OPTION(dirname, string, "directory for what is removed", true);

static void path_make(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", dirname, name);
}

static void is_removed(int fd, mode_t mode, const char *what)
{
	struct stat st;

	must(fstat(fd, &st));
	if (!S_ISDIR(st.st_mode) || st.st_nlink || (st.st_mode & 07777) != mode)
		fail("%s: mode %o, %d links", what, st.st_mode, (int)st.st_nlink);
	if (openat(fd, "new", O_CREAT | O_RDWR, 0600) >= 0 || errno != ENOENT)
		fail("%s: something can be made in it", what);
}

int main(int argc, char **argv)
{
	char open_one[4096], cwd[4096], upper[4096], lower[4096], file[4096], now[4096];
	uint8_t data[3000];
	ssize_t len;
	int dir, deep, fd;

	test_init(argc, argv);
	must(mkdir(dirname, 0755));
	path_make(open_one, sizeof(open_one), "open");
	path_make(cwd, sizeof(cwd), "cwd");
	path_make(upper, sizeof(upper), "upper");
	path_make(lower, sizeof(lower), "upper/lower");
	path_make(file, sizeof(file), "upper/lower/file");
	must(mkdir(open_one, 0751));
	must(mkdir(cwd, 0700));
	must(mkdir(upper, 0755));
	must(mkdir(lower, 0711));
	dir = (int)must(open(open_one, O_RDONLY | O_DIRECTORY));
	deep = (int)must(open(lower, O_RDONLY | O_DIRECTORY));
	fd = file_make(file, sizeof(data), 7);
	must(chdir(cwd));
	must(unlink(file));
	must(rmdir(lower));
	must(rmdir(upper));
	must(rmdir(cwd));
	must(rmdir(open_one));
	test_daemon();
	test_waitsig();

	is_removed(dir, 0751, "the open one");
	is_removed(deep, 0711, "the one whose parent is removed, too");
	is_removed((int)must(open(".", O_RDONLY | O_DIRECTORY)), 0700, "the working directory");
	len = must(readlink("/proc/self/cwd", now, sizeof(now) - 1));
	now[len] = '\0';
	if (strncmp(now, cwd, strlen(cwd)) != 0 || strcmp(now + strlen(cwd), " (deleted)") != 0)
		fail("the working directory is %s", now);
	must(pread(fd, data, sizeof(data), 0));
	if (datachk(data, sizeof(data), 7) != sizeof(data))
		fail("contents of the file that went with its directory");
	if (access(upper, F_OK) == 0 || access(cwd, F_OK) == 0 || access(open_one, F_OK) == 0)
		fail("a directory is there again");
	return pass();
}
