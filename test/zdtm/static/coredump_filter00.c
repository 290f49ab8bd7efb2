// SPDX-License-Identifier: GPL-2.0-only
/* Which mappings a core file would have. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[32];
	int fd;

	test_init(argc, argv);
	fd = (int)must(open("/proc/self/coredump_filter", O_WRONLY));
	must(write(fd, "0x7a", 4));
	must(close(fd));
	test_daemon();
	test_waitsig();

	file_read_text("/proc/self/coredump_filter", text, sizeof(text));
	if (strtol(text, NULL, 16) != 0x7a)
		return fail("the filter is %s", text);
	return pass();
}
