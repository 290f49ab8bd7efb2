// SPDX-License-Identifier: GPL-2.0-only
/* POSIX timers that tell nobody (SIGEV_NONE), one running and one not armed. */
#include "zdtmtst.h"

#include <signal.h>
#include <time.h>

int main(int argc, char **argv)
{
	const struct itimerspec setting = { .it_value = { .tv_sec = 500 } };
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	timer_t running, quiet;
	struct itimerspec now;
	double begun, left, passed;

	test_init(argc, argv);
	begun = now_seconds();
	must(timer_create(CLOCK_MONOTONIC, &event, &running));
	must(timer_create(CLOCK_MONOTONIC, &event, &quiet));
	must(timer_settime(running, 0, &setting, NULL));
	test_daemon();
	test_waitsig();

	must(timer_gettime(running, &now));
	passed = now_seconds() - begun;
	left = (double)now.it_value.tv_sec + (double)now.it_value.tv_nsec / 1e9;
	if (left > 500.0 || left < 500.0 - passed - 0.1)
		fail("%.3f s left of 500 after %.3f s", left, passed);
	if (now.it_interval.tv_sec || now.it_interval.tv_nsec)
		fail("the timer has got an interval");
	must(timer_gettime(quiet, &now));
	if (now.it_value.tv_sec || now.it_value.tv_nsec)
		fail("the timer that was not armed runs");
	return pass();
}
