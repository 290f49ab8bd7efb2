// SPDX-License-Identifier: GPL-2.0-only
/* The address that the kernel clears and wakes when a thread ends, of every thread. */
#include "zdtmtst.h"

#include <sys/prctl.h>

#define THREADS 3

static pthread_barrier_t barrier;
static uint32_t over;

static int *tid_address(void)
{
	int *address = NULL;

	must(prctl(PR_GET_TID_ADDRESS, &address));
	return address;
}

static void *thread_fn(void *arg)
{
	int *before = tid_address();

	(void)arg;
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	if (tid_address() != before)
		fail("a thread has %p instead of %p", (void *)tid_address(), (void *)before);
	else if (*before != gettid_raw())
		fail("the address has %d instead of tid %d", *before, gettid_raw());
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int *before;

	test_init(argc, argv);
	before = tid_address();
	must0(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	for (int i = 0; i < THREADS; i++)
		threads[i] = test_thread(thread_fn, NULL);
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	if (tid_address() != before)
		fail("the main thread has %p instead of %p", (void *)tid_address(), (void *)before);
	over = 1;
	futex_wake_all(&over);
	/* The join is a wait for just this wake-up. */
	for (int i = 0; i < THREADS; i++)
		must0(pthread_join(threads[i], NULL));
	return pass();
}
