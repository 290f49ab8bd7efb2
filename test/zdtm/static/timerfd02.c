// SPDX-License-Identifier: GPL-2.0-only
/* A timer that was set to a time of day still is, whatever time has passed. */
#include "zdtmtst.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LATER 5000

static int64_t expires_ms(int fd)
{
	struct itimerspec its;
	struct timespec now;

	must(timerfd_gettime(fd, &its));
	must(clock_gettime(CLOCK_REALTIME, &now));
	return (now.tv_sec + its.it_value.tv_sec) * 1000 +
	       (now.tv_nsec + its.it_value.tv_nsec) / 1000000;
}

int main(int argc, char **argv)
{
	struct itimerspec its = { 0 };
	int64_t before, after;
	int fd;

	test_init(argc, argv);
	fd = must(timerfd_create(CLOCK_REALTIME, 0));
	must(clock_gettime(CLOCK_REALTIME, &its.it_value));
	its.it_value.tv_sec += LATER;
	must(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL));
	before = expires_ms(fd);
	test_daemon();
	test_waitsig();

	after = expires_ms(fd);
	if (after < before - 2 || after > before + 2)
		return fail("expires %lld ms later", (long long)(after - before));
	return pass();
}
