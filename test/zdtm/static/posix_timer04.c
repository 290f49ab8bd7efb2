// SPDX-License-Identifier: GPL-2.0-only
/* A POSIX timer that has expired while its signal is blocked: the signal waits, exactly once. */
#include "zdtmtst.h"

#include <signal.h>
#include <time.h>

int main(int argc, char **argv)
{
	const struct itimerspec at_once = { .it_value = { .tv_nsec = 1 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	const struct timespec no_time = { 0 };
	struct itimerspec now;
	sigset_t mask, pending;
	siginfo_t info;
	timer_t timer;

	test_init(argc, argv);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	must(sigprocmask(SIG_BLOCK, &mask, NULL));
	event.sigev_value.sival_int = 2718;
	must(timer_create(CLOCK_MONOTONIC, &event, &timer));
	must(timer_settime(timer, 0, &at_once, NULL));
	do
		must(sigpending(&pending));
	while (!sigismember(&pending, SIGUSR1));
	test_daemon();
	test_waitsig();

	if (sigtimedwait(&mask, &info, &no_time) != SIGUSR1)
		return fail("the signal is lost");
	if (info.si_code != SI_TIMER || info.si_value.sival_int != 2718)
		fail("si_code %d, value %d", info.si_code, info.si_value.sival_int);
	must(timer_gettime(timer, &now));
	if (now.it_value.tv_sec || now.it_value.tv_nsec)
		fail("the timer is armed again");
	if (sigtimedwait(&mask, &info, &no_time) != -1)
		fail("there is a second signal");
	return pass();
}
