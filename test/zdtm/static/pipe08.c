// SPDX-License-Identifier: GPL-2.0-only
/* One pipe with many ends: copies, and ends opened anew through /proc with other flags. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fds[2], copy, reopened, both;
	char path[64], text[8];

	test_init(argc, argv);
	must(pipe(fds));
	copy = (int)must(dup(fds[1]));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	reopened = (int)must(open(path, O_RDONLY | O_NONBLOCK));
	both = (int)must(open(path, O_RDWR));
	must(write(copy, "a", 1));
	test_daemon();
	test_waitsig();

	must(write(both, "b", 1));
	must(write(fds[1], "c", 1));
	if (read(reopened, text, 8) != 3 || text[0] != 'a' || text[1] != 'b' || text[2] != 'c')
		return fail("the ends are not of one pipe");
	must(close(fds[1]));
	must(close(copy));
	if (read(reopened, text, 1) != -1)
		fail("the pipe has no writer left");
	must(close(both));
	if (read(fds[0], text, 1) != 0)
		fail("the pipe has one writer too many");
	return pass();
}
