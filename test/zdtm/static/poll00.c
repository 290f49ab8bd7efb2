// SPDX-License-Identifier: GPL-2.0-only
/* poll(2) without descriptors and with a timeout, which keeps running. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "waits.h"
#include "zdtmtst.h"

static const char *wait_for(const struct timespec *duration, const struct timespec *deadline)
{
	long milliseconds = duration->tv_sec * 1000 + duration->tv_nsec / 1000000;

	(void)deadline;
	return syscall(SYS_poll, NULL, 0, milliseconds) ? strerror(errno) : NULL;
}

int main(int argc, char **argv)
{
	const struct timed_wait wait = { .nr = SYS_poll, .wait = wait_for };

	return timed_wait_test(argc, argv, &wait);
}
