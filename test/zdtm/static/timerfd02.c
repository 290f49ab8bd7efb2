// SPDX-License-Identifier: GPL-2.0-only
/* A timer that was set to a time of day still is, whatever time has passed. */
#include "zdtmtst.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LATER 5000
#define CLOCK 2 /* ms: what the two clocks may differ by */

/* When it expires, as far as it can be told: between these. */
struct span {
	int64_t from, to; /* ms */
};

static int64_t now_ms(void)
{
	struct timespec now;

	must(clock_gettime(CLOCK_REALTIME, &now));
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct span expires(int fd)
{
	struct itimerspec its;
	struct span s;
	int64_t left;

	s.from = now_ms();
	must(timerfd_gettime(fd, &its));
	s.to = now_ms();
	left = its.it_value.tv_sec * 1000 + its.it_value.tv_nsec / 1000000;
	s.from += left - CLOCK;
	s.to += left + CLOCK;
	return s;
}

int main(int argc, char **argv)
{
	struct itimerspec its = { 0 };
	struct span before, after;
	int fd;

	test_init(argc, argv);
	fd = must(timerfd_create(CLOCK_REALTIME, 0));
	must(clock_gettime(CLOCK_REALTIME, &its.it_value));
	its.it_value.tv_sec += LATER;
	must(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL));
	before = expires(fd);
	test_daemon();
	test_waitsig();

	after = expires(fd);
	if (after.from > before.to || after.to < before.from)
		return fail("expires %lld ms later", (long long)(after.from - before.from));
	return pass();
}
