// SPDX-License-Identifier: GPL-2.0-only
/* The same with a call by syscall(3), whose code has no number. */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "waits.h"
#include "zdtmtst.h"

static const char *wait_for(const struct timespec *duration, const struct timespec *deadline)
{
	static uint32_t word;

	(void)deadline;
	if (!syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, duration, NULL, 0))
		return "woken by nobody";
	return errno == ETIMEDOUT ? NULL : strerror(errno);
}

int main(int argc, char **argv)
{
	const struct timed_wait wait = { .nr = SYS_futex, .restarted = true, .wait = wait_for };

	return timed_wait_test(argc, argv, &wait);
}
