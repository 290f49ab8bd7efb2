// SPDX-License-Identifier: GPL-2.0-only
/* Timers of all clocks keep the time that they have left, their interval and their flags. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LEFT	 1000
#define INTERVAL 77

static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };

int main(int argc, char **argv)
{
	struct itimerspec its = { .it_value = { LEFT, 0 }, .it_interval = { INTERVAL, 5000 } };
	int fd[ARRAY_SIZE(clocks)], idle;
	uint64_t ticks;

	test_init(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		fd[i] = must(timerfd_create(clocks[i], i ? 0 : TFD_NONBLOCK));
		must(timerfd_settime(fd[i], 0, &its, NULL));
	}
	idle = must(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		must(timerfd_gettime(fd[i], &its));
		if (its.it_value.tv_sec < LEFT - 100 || its.it_value.tv_sec > LEFT)
			return fail("clock %d: %ld s left", clocks[i], its.it_value.tv_sec);
		if (its.it_interval.tv_sec != INTERVAL || its.it_interval.tv_nsec != 5000)
			return fail("clock %d: every %ld s", clocks[i], its.it_interval.tv_sec);
		if ((fcntl(fd[i], F_GETFL) & O_NONBLOCK) != (i ? 0 : O_NONBLOCK))
			return fail("clock %d: flags", clocks[i]);
	}
	must(timerfd_gettime(idle, &its));
	if (its.it_value.tv_sec || its.it_value.tv_nsec || read(idle, &ticks, sizeof(ticks)) > 0)
		return fail("a timer that was not armed is");
	return pass();
}
