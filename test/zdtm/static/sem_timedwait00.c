// SPDX-License-Identifier: GPL-2.0-only
/* sem_timedwait(3), which waits for an absolute time in a futex. */
#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <sys/syscall.h>

#include "waits.h"
#include "zdtmtst.h"

static const char *wait_for(const struct timespec *duration, const struct timespec *deadline)
{
	struct timespec until;
	sem_t sem;

	(void)deadline;
	must(sem_init(&sem, 0, 0));
	must(clock_gettime(CLOCK_REALTIME, &until));
	until.tv_sec += duration->tv_sec;
	if (!sem_timedwait(&sem, &until))
		return "nobody has posted";
	return errno == ETIMEDOUT ? NULL : strerror(errno);
}

int main(int argc, char **argv)
{
	const struct timed_wait wait = { .nr = SYS_futex, .wait = wait_for };

	return timed_wait_test(argc, argv, &wait);
}
