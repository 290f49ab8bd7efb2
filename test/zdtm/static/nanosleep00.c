// SPDX-License-Identifier: GPL-2.0-only
/* nanosleep(2) goes on with the time that is left, and nobody sees EINTR. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "waits.h"
#include "zdtmtst.h"

static const char *wait_for(const struct timespec *duration, const struct timespec *deadline)
{
	(void)deadline;
	return syscall(SYS_nanosleep, duration, NULL) ? strerror(errno) : NULL;
}

int main(int argc, char **argv)
{
	const struct timed_wait wait = { .nr = SYS_nanosleep, .wait = wait_for };

	return timed_wait_test(argc, argv, &wait);
}
