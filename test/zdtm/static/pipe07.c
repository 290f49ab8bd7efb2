// SPDX-License-Identifier: GPL-2.0-only
/* O_NONBLOCK of each end on its own; the two ends are two open files. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fds[2], second[2];
	char byte;

	test_init(argc, argv);
	must(pipe(fds));
	must(fcntl(fds[0], F_SETFL, O_NONBLOCK));
	must(pipe(second));
	must(fcntl(second[1], F_SETFL, O_NONBLOCK));
	test_daemon();
	test_waitsig();

	if (fcntl(fds[0], F_GETFL) != (O_RDONLY | O_NONBLOCK) || fcntl(fds[1], F_GETFL) != O_WRONLY)
		fail("first pipe: flags %#o and %#o", fcntl(fds[0], F_GETFL),
		     fcntl(fds[1], F_GETFL));
	if (fcntl(second[0], F_GETFL) != O_RDONLY ||
	    fcntl(second[1], F_GETFL) != (O_WRONLY | O_NONBLOCK))
		fail("second pipe: flags %#o and %#o", fcntl(second[0], F_GETFL),
		     fcntl(second[1], F_GETFL));
	if (read(fds[0], &byte, 1) != -1 || errno != EAGAIN)
		fail("the empty pipe does not say EAGAIN");
	return pass();
}
