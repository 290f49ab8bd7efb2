// SPDX-License-Identifier: GPL-2.0-only
/* The overrun count of a POSIX timer whose last signal has been taken. */
#include "zdtmtst.h"

#include <signal.h>
#include <time.h>

#define PERIODS 50

int main(int argc, char **argv)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec setting = { .it_interval = { .tv_sec = 1000 } };
	int before, after;
	siginfo_t info;
	sigset_t mask;
	timer_t timer;

	test_init(argc, argv);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	must(sigprocmask(SIG_BLOCK, &mask, NULL));
	must(timer_create(CLOCK_REALTIME, &event, &timer));
	/* It should have begun 50 and a half periods ago: so it has overrun at once. */
	must(clock_gettime(CLOCK_REALTIME, &setting.it_value));
	setting.it_value.tv_sec -= PERIODS * 1000 + 500;
	must(timer_settime(timer, TIMER_ABSTIME, &setting, NULL));
	must(sigwaitinfo(&mask, &info));
	before = (int)must(timer_getoverrun(timer));
	expect(before == PERIODS, "overrun %d instead of %d", before, PERIODS);
	test_daemon();
	test_waitsig();

	after = (int)must(timer_getoverrun(timer));
	if (after != before)
		return fail("overrun %d instead of %d", after, before);
	return pass();
}
