// SPDX-License-Identifier: GPL-2.0-only
/* A wait that was interrupted before, so that the thread is in restart_syscall(2): which call that
 * goes on with only the code tells that made it. Here the C library's own. */
#include <string.h>
#include <sys/syscall.h>

#include "waits.h"
#include "zdtmtst.h"

static const char *wait_for(const struct timespec *duration, const struct timespec *deadline)
{
	int error;

	(void)deadline;
	error = clock_nanosleep(CLOCK_MONOTONIC, 0, duration, NULL);
	return error ? strerror(error) : NULL;
}

int main(int argc, char **argv)
{
	const struct timed_wait wait = {
		.nr = SYS_clock_nanosleep,
		.restarted = true,
		.wait = wait_for,
	};

	return timed_wait_test(argc, argv, &wait);
}
