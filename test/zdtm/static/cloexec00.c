// SPDX-License-Identifier: GPL-2.0-only
/* The close-on-exec flag belongs to the descriptor: copies of one file differ in it. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int kept, closed;

static int exec_self(void *arg)
{
	char kept_text[64], closed_text[64];

	snprintf(kept_text, sizeof(kept_text), "/proc/self/fd/%d", kept);
	snprintf(closed_text, sizeof(closed_text), "/proc/self/fd/%d", closed);
	execl("/bin/sh", "sh", "-c", "test -e \"$0\" && ! test -e \"$1\"", kept_text, closed_text,
	      NULL);
	(void)arg;
	return 127;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	kept = (int)must(open("/dev/null", O_RDONLY));
	closed = (int)must(fcntl(kept, F_DUPFD_CLOEXEC, 20));
	test_daemon();
	test_waitsig();

	if (fcntl(kept, F_GETFD) != 0)
		fail("the first has flags %d", fcntl(kept, F_GETFD));
	if (fcntl(closed, F_GETFD) != FD_CLOEXEC)
		fail("the second has flags %d", fcntl(closed, F_GETFD));
	if (!test_reap(test_child(exec_self, NULL), "the executed shell"))
		fail("exec has not closed the right ones");
	return pass();
}
