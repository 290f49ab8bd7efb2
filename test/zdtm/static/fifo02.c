// SPDX-License-Identifier: GPL-2.0-only
/* FIFOs without a writer: poll(2) tells a reader that has had one from one that never has. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "the first part of the names", true);

static int fifo_open(char kind, int flags)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s.%c", filename, kind);
	if (mkfifo(path, 0600) < 0 && errno != EEXIST)
		must(-1);
	return (int)must(open(path, flags));
}

static void poll_is(int fd, short wanted, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	must(poll(&p, 1, 0));
	if (p.revents != wanted)
		fail("%s: events %#x instead of %#x", what, p.revents, wanted);
}

int main(int argc, char **argv)
{
	int never, left, filled, both, other, writer;
	char byte;

	test_init(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	never = fifo_open('a', O_RDONLY | O_NONBLOCK);
	left = fifo_open('b', O_RDONLY | O_NONBLOCK);
	must(close(fifo_open('b', O_WRONLY)));
	filled = fifo_open('c', O_RDONLY | O_NONBLOCK);
	writer = fifo_open('c', O_WRONLY);
	must(write(writer, "x", 1));
	must(close(writer));
	/* One that has had a writer, one that has not, of the same. */
	both = fifo_open('d', O_RDONLY | O_NONBLOCK);
	must(close(fifo_open('d', O_WRONLY)));
	other = fifo_open('d', O_RDONLY | O_NONBLOCK);
	test_daemon();
	test_waitsig();

	poll_is(never, 0, "a reader that never had a writer");
	poll_is(left, POLLHUP, "a reader whose writer has left");
	poll_is(filled, POLLIN | POLLHUP, "a reader with something to read");
	poll_is(both, POLLHUP, "the first reader");
	poll_is(other, 0, "the second reader");
	if (read(filled, &byte, 1) != 1 || byte != 'x' || read(filled, &byte, 1) != 0)
		fail("what was in the FIFO");
	must(close(fifo_open('a', O_WRONLY)));
	poll_is(never, POLLHUP, "a reader that has had a writer now");
	return pass();
}
