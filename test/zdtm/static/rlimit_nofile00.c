// SPDX-License-Identifier: GPL-2.0-only
/* A process whose table of descriptors is full up to its limit. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define LIMIT 8

int main(int argc, char **argv)
{
	struct rlimit limit;

	test_init(argc, argv);
	must(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = LIMIT;
	must(setrlimit(RLIMIT_NOFILE, &limit));
	while (must(open("/dev/null", O_RDONLY)) < LIMIT - 1)
		continue;
	test_daemon();
	test_waitsig();

	if (open("/dev/null", O_RDONLY) != -1 || errno != EMFILE)
		return fail("the table has room");
	for (int fd = 0; fd < LIMIT; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			fail("descriptor %d is gone", fd);
	return pass();
}
