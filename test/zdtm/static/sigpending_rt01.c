// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thousand real-time signals in the queue of the process and of each thread, with what
 * sigqueue(3) says of them: all arrive, once and in order. Nobody may queue as many any more.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define QUEUED  1000
#define THREADS 3
#define SIGNALS 5 /* take turns; the kernel gives the lowest number first */

static pthread_barrier_t barrier;
static uint32_t over;

static int signal_of(int i)
{
	return SIGRTMIN + 2 + i % SIGNALS;
}

static void signals_fill(sigset_t *mask)
{
	sigemptyset(mask);
	for (int i = 0; i < SIGNALS; i++)
		sigaddset(mask, signal_of(i));
}

/* The n-th to arrive. */
static int arrival(int n)
{
	return n / (QUEUED / SIGNALS) + n % (QUEUED / SIGNALS) * SIGNALS;
}

static bool take_all(const char *who, int base)
{
	const struct timespec now = { 0 };
	siginfo_t info;
	sigset_t mask;

	signals_fill(&mask);
	for (int n = 0; n < QUEUED; n++) {
		int i = arrival(n);

		if (sigtimedwait(&mask, &info, &now) == -1) {
			fail("%s: only %d signals of %d", who, n, QUEUED);
			return false;
		}
		if (info.si_signo != signal_of(i) || info.si_value.sival_int != base + i ||
		    info.si_code != SI_QUEUE || info.si_pid != getpid()) {
			fail("%s: signal %d with %d, code %d, from %d instead of %d with %d", who,
			     info.si_signo, info.si_value.sival_int, info.si_code, info.si_pid,
			     signal_of(i), base + i);
			return false;
		}
	}
	return true;
}

static void *thread_fn(void *arg)
{
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	take_all("a thread", *(int *)arg);
	return NULL;
}

static void queue_all(const pthread_t *threads, const int *bases)
{
	union sigval value;

	for (int i = 0; i < QUEUED; i++) {
		value.sival_int = i;
		must(sigqueue(getpid(), signal_of(i), value));
		for (int t = 0; t < THREADS; t++) {
			value.sival_int = bases[t] + i;
			must0(pthread_sigqueue(threads[t], signal_of(i), value));
		}
	}
}

int main(int argc, char **argv)
{
	const struct rlimit few = { .rlim_cur = 10, .rlim_max = 10 };
	const struct timespec now = { 0 };
	pthread_t threads[THREADS];
	int bases[THREADS];
	sigset_t mask;

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	signals_fill(&mask);
	must0(pthread_sigmask(SIG_BLOCK, &mask, NULL));
	for (int t = 0; t < THREADS; t++) {
		bases[t] = (t + 1) * 10000;
		threads[t] = test_thread(thread_fn, &bases[t]);
	}
	queue_all(threads, bases);
	must(setrlimit(RLIMIT_SIGPENDING, &few));
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	/* The threads first: what is a thread's own comes before what is the process's. */
	over = 1;
	futex_wake_all(&over);
	for (int t = 0; t < THREADS; t++)
		must0(pthread_join(threads[t], NULL));
	take_all("the process", 0);
	if (sigtimedwait(&mask, NULL, &now) != -1 || errno != EAGAIN)
		return fail("there is a signal left over");
	return pass();
}
