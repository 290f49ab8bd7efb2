// SPDX-License-Identifier: GPL-2.0-only
/* Terminals. */
#include "test/harness/prog/scene.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Both ends: fd 3 and fd 4. */
static void pty_open(int ends[2])
{
	char name[64];

	ends[0] = (int)must(posix_openpt(O_RDWR | O_NOCTTY));
	must(unlockpt(ends[0]));
	must(-ptsname_r(ends[0], name, sizeof(name)));
	ends[1] = (int)must(open(name, O_RDWR | O_NOCTTY));
}

static void set_pty(int argc, char **argv)
{
	int ends[2];

	(void)argc, (void)argv;
	pty_open(ends);
}

/* The master has not read that its slave was flushed. */
static void set_pty_packets(int argc, char **argv)
{
	int ends[2], on = 1;

	(void)argc, (void)argv;
	pty_open(ends);
	must(ioctl(ends[0], TIOCPKT, &on));
	must(tcflush(ends[1], TCIFLUSH));
}

/* Somebody else's, by name. */
static void set_tty(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		must(open(argv[i], O_RDWR | O_NOCTTY));
}

const struct scene scenes_tty[] = {
	{ "pty", set_pty },
	{ "pty-packets", set_pty_packets },
	{ "tty", set_tty },
	{ NULL, NULL },
};
