// SPDX-License-Identifier: GPL-2.0-only
/* Queues of real-time signals, of the process and of a thread, with values in their order. */
#include "zdtmtst.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#define QUEUED 20

static pthread_barrier_t barrier;
static uint32_t over;

/* Two signals take turns; the kernel gives the lower number first, each in its own order. */
static int signal_of(int i)
{
	return SIGRTMIN + 2 + i % 2;
}

static void take_all(const char *who, int base, bool last)
{
	const struct timespec now = { 0 };
	siginfo_t info;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, signal_of(0));
	sigaddset(&mask, signal_of(1));
	for (int n = 0; n < QUEUED; n++) {
		int i = n < QUEUED / 2 ? 2 * n : 2 * (n - QUEUED / 2) + 1;

		if (sigtimedwait(&mask, &info, &now) == -1) {
			fail("%s: only %d signals of %d", who, n, QUEUED);
			return;
		}
		if (info.si_signo != signal_of(i) || info.si_value.sival_int != base + i)
			fail("%s: signal %d with %d instead of %d with %d", who, info.si_signo,
			     info.si_value.sival_int, signal_of(i), base + i);
	}
	if (last && sigtimedwait(&mask, &info, &now) != -1)
		fail("%s: signal %d is left over", who, info.si_signo);
}

static void *thread_fn(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	take_all("the thread", 1000, false);
	return NULL;
}

int main(int argc, char **argv)
{
	union sigval value;
	pthread_t thread;
	sigset_t mask;

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, 2));
	sigemptyset(&mask);
	sigaddset(&mask, signal_of(0));
	sigaddset(&mask, signal_of(1));
	must0(pthread_sigmask(SIG_BLOCK, &mask, NULL));
	thread = test_thread(thread_fn, NULL);
	for (int i = 0; i < QUEUED; i++) {
		value.sival_int = i;
		must(sigqueue(getpid(), signal_of(i), value));
		value.sival_int = 1000 + i;
		must0(pthread_sigqueue(thread, signal_of(i), value));
	}
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	/* The thread first: what is its own comes before what is the process's. */
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	take_all("the process", 0, true);
	return pass();
}
