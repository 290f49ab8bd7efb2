// SPDX-License-Identifier: GPL-2.0-only
/* A file that was made without a name (O_TMPFILE) can still be given one. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dirname;
TEST_OPTION(dirname, string, "directory for the file", true);

int main(int argc, char **argv)
{
	char link_name[64], path[4096];
	uint8_t data[5000];
	struct stat st, named;
	int fd;

	test_init(argc, argv);
	must(mkdir(dirname, 0700));
	fd = must(open(dirname, O_TMPFILE | O_RDWR, 0600));
	datagen(data, sizeof(data), 1);
	must(write(fd, data, sizeof(data)));
	test_daemon();
	test_waitsig();

	must(fstat(fd, &st));
	if (st.st_nlink)
		return fail("it has a name");
	snprintf(link_name, sizeof(link_name), "/proc/self/fd/%d", fd);
	snprintf(path, sizeof(path), "%s/name", dirname);
	if (linkat(AT_FDCWD, link_name, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0) {
		pr_perror("linkat");
		return fail("it cannot be given a name any more");
	}
	must(stat(path, &named));
	if (named.st_ino != st.st_ino)
		return fail("it is another file that has the name");
	must(pread(fd, data, sizeof(data), 0));
	if (datachk(data, sizeof(data), 1) != sizeof(data))
		return fail("contents");
	return pass();
}
