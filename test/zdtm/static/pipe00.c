// SPDX-License-Identifier: GPL-2.0-only
/* An empty pipe works. */
#include "zdtmtst.h"

#include <unistd.h>

int main(int argc, char **argv)
{
	char byte = 0;
	int fds[2];

	test_init(argc, argv);
	must(pipe(fds));
	test_daemon();
	test_waitsig();

	if (write(fds[1], "x", 1) != 1 || read(fds[0], &byte, 1) != 1 || byte != 'x')
		return fail("what is written does not come out: %#x", byte);
	must(close(fds[1]));
	if (read(fds[0], &byte, 1) != 0)
		return fail("there is another writer, or data");
	return pass();
}
