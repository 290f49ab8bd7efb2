// SPDX-License-Identifier: GPL-2.0-only
/* /dev/random and /dev/urandom give bytes that differ. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const char *const paths[] = { "/dev/random", "/dev/urandom" };
	uint8_t first[32], second[32];
	int fds[2];

	test_init(argc, argv);
	for (int i = 0; i < 2; i++)
		fds[i] = (int)must(open(paths[i], O_RDONLY));
	test_daemon();
	test_waitsig();

	for (int i = 0; i < 2; i++) {
		if (read(fds[i], first, sizeof(first)) != sizeof(first) ||
		    read(fds[i], second, sizeof(second)) != sizeof(second))
			fail("%s cannot be read", paths[i]);
		else if (!memcmp(first, second, sizeof(first)))
			fail("%s repeats itself", paths[i]);
	}
	return pass();
}
