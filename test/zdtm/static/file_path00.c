// SPDX-License-Identifier: GPL-2.0-only
/* O_PATH descriptors, of a file and of a symbolic link: good for a path, not for reading. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int file, link, flags;
	char target[16] = "";
	struct stat st;

	test_init(argc, argv);
	must0(close(must(open("file", O_CREAT | O_WRONLY, 0600))));
	must0(symlink("file", "link"));
	file = must(open("file", O_PATH));
	link = must(open("link", O_PATH | O_NOFOLLOW | O_CLOEXEC));
	test_daemon();
	test_waitsig();

	flags = fcntl(file, F_GETFL);
	if (flags < 0 || !(flags & O_PATH))
		return fail("F_GETFL says %#o", flags);
	if (read(file, target, 1) != -1 || errno != EBADF)
		return fail("it can be read");
	if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode))
		return fail("the file is mode %#o", st.st_mode);
	if (fstat(link, &st) < 0 || !S_ISLNK(st.st_mode))
		return fail("the link is mode %#o", st.st_mode);
	if (readlinkat(link, "", target, sizeof(target)) != 4)
		return fail("the link leads to \"%s\"", target);
	return pass();
}
