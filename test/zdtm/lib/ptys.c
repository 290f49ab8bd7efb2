// SPDX-License-Identifier: GPL-2.0-only
#include "ptys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "zdtmtst.h"

/*
 * The lowest numbers are those that others get while a test is only in its images. So a test has
 * some of its own, higher up.
 */
#define NUMBER_FIRST 64u
#define NUMBERS_EACH 16u
#define TESTS        64u

static int master_open(void)
{
	unsigned int least = NUMBER_FIRST + (unsigned int)getpid() % TESTS * NUMBERS_EACH;
	static int spare[NUMBER_FIRST + TESTS * NUMBERS_EACH];
	int lock = (int)must(open("/dev/pts", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), fd;
	unsigned int index;
	size_t nr = 0;

	must(flock(lock, LOCK_EX)); /* as crtool does */

	for (;;) {
		fd = (int)must(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
		must(ioctl(fd, TIOCGPTN, &index));
		if (index >= least)
			break;
		expect(nr < ARRAY_SIZE(spare), "more ptys than there are numbers");
		spare[nr++] = fd;
	}
	while (nr)
		must(close(spare[--nr]));
	must(close(lock));
	return fd;
}

int pty_master(char *name, size_t size)
{
	int high = master_open(), fd = (int)must(fcntl(high, F_DUPFD_CLOEXEC, 3));

	must(close(high));

	must(unlockpt(fd));
	must0(ptsname_r(fd, name, size));
	return fd;
}

void pty_make(struct pty_pair *pty)
{
	pty->master = pty_master(pty->name, sizeof(pty->name));
	pty->slave = (int)must(open(pty->name, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

void pty_modes(int fd, const struct pty_modes *modes)
{
	struct termios t;

	must(tcgetattr(fd, &t));
	t.c_iflag = (t.c_iflag | modes->iflag_on) & ~modes->iflag_off;
	t.c_oflag &= ~modes->oflag_off;
	t.c_lflag = (t.c_lflag | modes->lflag_on) & ~modes->lflag_off;
	must(tcsetattr(fd, TCSANOW, &t));
}

void pty_raw(int fd)
{
	struct termios t;

	must(tcgetattr(fd, &t));
	cfmakeraw(&t);
	must(tcsetattr(fd, TCSANOW, &t));
}

void pty_write(int fd, const void *data, size_t len)
{
	expect(must(write(fd, data, len)) == (ssize_t)len, "a short write");
}

static void describe(const unsigned char *data, size_t len, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < len && at + 8 < size; i++)
		at += (size_t)snprintf(buf + at, size - at,
				       data[i] < ' ' || data[i] > '~' ? "\\%03o" : "%c", data[i]);
}

void pty_expect(int fd, const void *data, size_t len, const char *what)
{
	unsigned char buf[16384];
	char is[256], was[256];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 0) <= 0) {
		fail("%s: nothing to read", what);
		return;
	}
	n = read(fd, buf, sizeof(buf));
	if (n == (ssize_t)len && !memcmp(buf, data, len))
		return;
	describe(buf, n < 0 ? 0 : (size_t)n, is, sizeof(is));
	describe(data, len, was, sizeof(was));
	fail("%s: %zd bytes \"%s\" instead of %zu \"%s\"", what, n, is, len, was);
}

void pty_expect_nothing(int fd, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	must(poll(&p, 1, 0));
	if (p.revents)
		fail("%s: events %#x", what, p.revents);
}

void pty_wait(int fd, int bytes)
{
	int now = -1;

	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		must(poll(&p, 1, 1));
		must(ioctl(fd, FIONREAD, &now));
	} while (now < bytes);
}
