// SPDX-License-Identifier: GPL-2.0-only
/* /dev/full has no room, before and after. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd;

	test_init(argc, argv);
	fd = (int)must(open("/dev/full", O_RDWR));
	test_daemon();
	test_waitsig();

	if (write(fd, "x", 1) != -1 || errno != ENOSPC)
		return fail("there is room, errno %d", errno);
	return pass();
}
