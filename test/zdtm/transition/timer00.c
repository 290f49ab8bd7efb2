// SPDX-License-Identifier: GPL-2.0-only
/* POSIX timers and interval timers that expire all the time. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>

enum { REALTIME, MONOTONIC, REAL, PROF, KINDS };

static volatile uint64_t counts[KINDS];

static void on_posix(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	counts[info->si_value.sival_int]++;
}

static void on_alarm(int sig)
{
	counts[sig == SIGALRM ? REAL : PROF]++;
}

static void posix_start(int kind, clockid_t clock)
{
	const struct itimerspec setting = {
		.it_value = { .tv_nsec = 2000000 },
		.it_interval = { .tv_nsec = 2000000 },
	};
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL };
	timer_t timer;

	event.sigev_signo = SIGRTMIN + 1;
	event.sigev_value.sival_int = kind;
	must(timer_create(clock, &event, &timer));
	must(timer_settime(timer, 0, &setting, NULL));
}

static void all_start(void)
{
	const struct itimerval setting = {
		.it_value = { .tv_usec = 3000 },
		.it_interval = { .tv_usec = 3000 },
	};
	struct sigaction action = { .sa_sigaction = on_posix, .sa_flags = SA_SIGINFO | SA_RESTART };

	must(sigaction(SIGRTMIN + 1, &action, NULL));
	action = (struct sigaction){ .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	must(sigaction(SIGALRM, &action, NULL));
	must(sigaction(SIGPROF, &action, NULL));
	posix_start(REALTIME, CLOCK_REALTIME);
	posix_start(MONOTONIC, CLOCK_MONOTONIC);
	must(setitimer(ITIMER_REAL, &setting, NULL));
	must(setitimer(ITIMER_PROF, &setting, NULL));
}

int main(int argc, char **argv)
{
	static const char *const names[KINDS] = { "CLOCK_REALTIME", "CLOCK_MONOTONIC",
						  "ITIMER_REAL", "ITIMER_PROF" };
	double begun, passed;

	test_init(argc, argv);
	begun = now_seconds();
	all_start();
	test_daemon();
	test_waitsig();

	for (int kind = 0; kind < KINDS; kind++) {
		uint64_t before = counts[kind];

		while (counts[kind] < before + 5) /* the runner's time limit ends it */
			continue;
		passed = now_seconds() - begun;
		if ((double)counts[kind] > passed / 0.002 + 1)
			fail("%s: %lu times in %.3f s", names[kind], (unsigned long)counts[kind],
			     passed);
	}
	return pass();
}
