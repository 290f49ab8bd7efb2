// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIGINT, SIGTERM and the timer are not restarted: whatever waits sees EINTR and asks. SIGCHLD
 * is waited for (tracee_wait()), also where our parent has it ignored.
 */
#include "criu/core/session.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "criu/base/clock.h"
#include "criu/base/error.h"

#define TICK_US 200000

static int caught;
static uint64_t deadline_us;

/* A tick of the timer hides nothing. */
static void on_signal(int sig)
{
	if (sig != SIGALRM || !__atomic_load_n(&caught, __ATOMIC_SEQ_CST))
		__atomic_store_n(&caught, sig, __ATOMIC_SEQ_CST);
}

void session_signals(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaction(sigs[i], &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL); /* the write says EFBIG */
	sa.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void session_timeout(unsigned int seconds)
{
	struct itimerval tick = { 0 };

	if (seconds)
		tick.it_value.tv_usec = tick.it_interval.tv_usec = TICK_US;
	deadline_us = seconds ? clock_us() + seconds * 1000000ull : UINT64_MAX;
	setitimer(ITIMER_REAL, &tick, NULL);
}

/* 0 also for a tick, after which only the time is known to have passed a little. */
static int signal_caught(void)
{
	int sig = __atomic_load_n(&caught, __ATOMIC_SEQ_CST);

	if (sig == SIGALRM && clock_us() < deadline_us &&
	    __atomic_compare_exchange_n(&caught, &sig, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return 0;
	return sig;
}

int session_interrupted(const struct session *s)
{
	int sig = signal_caught();

	if (!sig)
		return 0;
	if (sig == SIGALRM)
		return fail_hint(fail_plain("not finished after %u s", s->opts->timeout),
				 "try a larger --timeout");
	return fail_plain("interrupted by %s", sig == SIGINT    ? "SIGINT"
					       : sig == SIGTERM ? "SIGTERM"
								: "SIGHUP");
}
