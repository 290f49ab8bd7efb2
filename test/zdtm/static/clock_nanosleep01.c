// SPDX-License-Identifier: GPL-2.0-only
/* clock_nanosleep(2) on CLOCK_BOOTTIME goes on with the time that is left. */
#include <string.h>
#include <sys/syscall.h>

#include "waits.h"
#include "zdtmtst.h"

static const char *wait_for(const struct timespec *duration, const struct timespec *deadline)
{
	int error;

	(void)deadline;
	error = clock_nanosleep(CLOCK_BOOTTIME, 0, duration, NULL);
	return error ? strerror(error) : NULL;
}

int main(int argc, char **argv)
{
	const struct timed_wait wait = { .nr = SYS_clock_nanosleep, .wait = wait_for };

	return timed_wait_test(argc, argv, &wait);
}
