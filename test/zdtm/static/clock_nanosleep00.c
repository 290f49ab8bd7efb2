// SPDX-License-Identifier: GPL-2.0-only
/* clock_nanosleep(2) to an absolute time wakes at that time. */
#include <string.h>
#include <sys/syscall.h>

#include "waits.h"
#include "zdtmtst.h"

static const char *wait_for(const struct timespec *duration, const struct timespec *deadline)
{
	int error;

	(void)duration;
	error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, deadline, NULL);
	return error ? strerror(error) : NULL;
}

int main(int argc, char **argv)
{
	const struct timed_wait wait = { .nr = SYS_clock_nanosleep, .wait = wait_for };

	return timed_wait_test(argc, argv, &wait);
}
