// SPDX-License-Identifier: GPL-2.0-only
/* A pipe without a reader: who writes gets SIGPIPE and EPIPE. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void count(int sig)
{
	(void)sig;
	signals++;
}

int main(int argc, char **argv)
{
	ssize_t written;
	int fds[2];

	test_init(argc, argv);
	must(signal(SIGPIPE, count) == SIG_ERR ? -1 : 0);
	must(pipe(fds));
	must(write(fds[1], "unread", 6));
	must(close(fds[0]));
	test_daemon();
	test_waitsig();

	if (signals)
		return fail("SIGPIPE has come too early");
	written = write(fds[1], "x", 1);
	if (written != -1 || errno != EPIPE || signals != 1)
		return fail("write gives %zd, errno %d, %d signals", written, errno, (int)signals);
	return pass();
}
