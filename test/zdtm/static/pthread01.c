// SPDX-License-Identifier: GPL-2.0-only
/* Sixteen threads, each with a signal mask of its own. */
#include "zdtmtst.h"

#include <signal.h>
#include <stdio.h>

#define THREADS 16

static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	int number = (int)(intptr_t)arg;
	sigset_t mask, now;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	for (int bit = 0; bit < 4; bit++)
		if (number & 1 << bit)
			sigaddset(&mask, SIGRTMIN + bit);
	must0(pthread_sigmask(SIG_SETMASK, &mask, NULL));
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	must0(pthread_sigmask(SIG_SETMASK, NULL, &now));
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sigismember(&mask, sig) != sigismember(&now, sig))
			fail("thread %d: signal %d is %sblocked", number, sig,
			     sigismember(&now, sig) ? "" : "not ");
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = test_thread(thread_fn, (void *)i);
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	over = 1;
	futex_wake_all(&over);
	for (int i = 0; i < THREADS; i++)
		must0(pthread_join(threads[i], NULL));
	return pass();
}
