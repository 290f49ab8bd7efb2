// SPDX-License-Identifier: GPL-2.0-only
/* After the restore old threads end and new ones are made, in either order. */
#include "zdtmtst.h"

#define THREADS 5

static uint32_t turn, new_threads;

static void *old_thread(void *arg)
{
	uint32_t number = (uint32_t)(intptr_t)arg, now;

	while ((now = __atomic_load_n(&turn, __ATOMIC_SEQ_CST)) <= number)
		futex_wait_change(&turn, now);
	pthread_exit(arg);
}

static void *new_thread(void *arg)
{
	__atomic_add_fetch(&new_threads, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static bool join_is(pthread_t thread, intptr_t wanted)
{
	void *result;

	must0(pthread_join(thread, &result));
	return result == (void *)wanted;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	test_init(argc, argv);
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = test_thread(old_thread, (void *)i);
	test_daemon();
	test_waitsig();

	for (int i = 0; i < THREADS; i++) {
		if (!join_is(test_thread(new_thread, (void *)77), 77))
			fail("new thread %d returned something else", i);
		__atomic_store_n(&turn, (uint32_t)i + 1, __ATOMIC_SEQ_CST);
		futex_wake_all(&turn);
		if (!join_is(threads[i], i))
			fail("old thread %d returned something else", i);
	}
	if (new_threads != THREADS)
		fail("%u new threads have run", new_threads);
	return pass();
}
