// SPDX-License-Identifier: GPL-2.0-only
/* Ptys without one of their ends: a slave that never was open, or is locked, or was closed; slaves
 * whose master has gone. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ptys.h"

static short events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	must(poll(&p, 1, 0));
	return p.revents;
}

static void is_gone(int slave)
{
	char byte;

	if (!(events(slave) & POLLHUP))
		fail("a slave without a master: events %#x", events(slave));
	if (read(slave, &byte, 1) != 0)
		fail("a slave without a master can be read");
	if (write(slave, "", 1) >= 0 || errno != EIO)
		fail("a slave without a master can be written to");
}

int main(int argc, char **argv)
{
	struct pty_pair closed, gone;
	int never, locked, value = 1, slave;
	char name[64], locked_name[64];

	test_init(argc, argv);
	never = pty_master(name, sizeof(name));
	locked = pty_master(locked_name, sizeof(locked_name));
	must(ioctl(locked, TIOCSPTLCK, &value));
	pty_make(&closed);
	pty_type(closed.slave, "last words");
	must(close(closed.slave));
	pty_make(&gone);
	must(close(gone.master));
	test_daemon();
	test_waitsig();

	pty_expect_nothing(never, "a slave that was never open");
	slave = (int)must(open(name, O_RDWR | O_NOCTTY));
	pty_type(slave, "first words");
	pty_reads(never, "first words", "a slave that is open now");
	must(ioctl(locked, TIOCGPTLCK, &value));
	if (value != 1)
		fail("the lock is %d", value);
	if (open(locked_name, O_RDWR | O_NOCTTY) >= 0 || errno != EIO)
		fail("a slave that is locked could be opened");
	must(unlockpt(locked));
	must(close(must(open(locked_name, O_RDWR | O_NOCTTY))));
	if (events(closed.master) != (POLLIN | POLLHUP))
		fail("a slave that was closed: events %#x", events(closed.master));
	pty_reads(closed.master, "last words", "a slave that was closed");
	if (read(closed.master, name, 1) >= 0 || errno != EIO)
		fail("a slave that was closed: no EIO");
	is_gone(gone.slave);
	return pass();
}
