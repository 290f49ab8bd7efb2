// SPDX-License-Identifier: GPL-2.0-only
/* POSIX timers of several clocks: time left, interval, and the signal with its value. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

static const clockid_t clocks[] = {
	CLOCK_REALTIME,
	CLOCK_MONOTONIC,
	CLOCK_BOOTTIME,
	CLOCK_PROCESS_CPUTIME_ID,
};

static void timer_make(size_t i, timer_t *timer)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL };
	const struct itimerspec setting = {
		.it_value = { .tv_sec = 1000 },
		.it_interval = { .tv_sec = 10 + (time_t)i, .tv_nsec = 123456789 },
	};

	event.sigev_signo = SIGRTMIN + 1 + (int)i;
	event.sigev_value.sival_ptr = timer;
	must(timer_create(clocks[i], &event, timer));
	must(timer_settime(*timer, 0, &setting, NULL));
}

/* Lets the timer expire at once: it must send the signal it was made with. */
static void signal_check(size_t i, timer_t *timer)
{
	const struct itimerspec at_once = { .it_value = { .tv_nsec = 1 } };
	const struct timespec no_time = { 0 };
	siginfo_t info;
	sigset_t mask;
	int sig;

	sigemptyset(&mask);
	sigaddset(&mask, SIGRTMIN + 1 + (int)i);
	must(timer_settime(*timer, 0, &at_once, NULL));
	do /* a clock of CPU time goes on only while we use it */
		sig = sigtimedwait(&mask, &info, &no_time);
	while (sig == -1 && errno == EAGAIN);
	if (info.si_code != SI_TIMER || info.si_value.sival_ptr != timer)
		fail("clock %zu: si_code %d, value %p", i, info.si_code, info.si_value.sival_ptr);
}

static void timer_check(size_t i, timer_t *timer, double passed)
{
	struct itimerspec now;
	double left;

	must(timer_gettime(*timer, &now));
	left = (double)now.it_value.tv_sec + (double)now.it_value.tv_nsec / 1e9;
	if (left > 1000.0 || left < 1000.0 - passed - 0.1)
		fail("clock %zu: %.3f s left of 1000 after %.3f s", i, left, passed);
	if (now.it_interval.tv_sec != 10 + (time_t)i || now.it_interval.tv_nsec != 123456789)
		fail("clock %zu: the interval is %ld.%09ld", i, (long)now.it_interval.tv_sec,
		     now.it_interval.tv_nsec);
	signal_check(i, timer);
}

int main(int argc, char **argv)
{
	timer_t timers[ARRAY_SIZE(clocks)];
	sigset_t mask;
	double begun;

	test_init(argc, argv);
	sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++)
		sigaddset(&mask, SIGRTMIN + 1 + (int)i);
	must(sigprocmask(SIG_BLOCK, &mask, NULL));
	begun = now_seconds();
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++)
		timer_make(i, &timers[i]);
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++)
		timer_check(i, &timers[i], now_seconds() - begun);
	return pass();
}
