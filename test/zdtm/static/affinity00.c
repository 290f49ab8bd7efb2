// SPDX-License-Identifier: GPL-2.0-only
/* The CPU affinity of each thread. */
#include "zdtmtst.h"

#include <sched.h>

#define THREADS 3

static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	cpu_set_t *wanted = arg, now;

	must(sched_setaffinity(0, sizeof(*wanted), wanted));
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	must(sched_getaffinity(0, sizeof(now), &now));
	expect(CPU_EQUAL(&now, wanted), "the set of CPUs is another");
	return NULL;
}

int main(int argc, char **argv)
{
	cpu_set_t all, sets[THREADS];
	pthread_t threads[THREADS];
	int cpu = -1;

	test_init(argc, argv);
	must(sched_getaffinity(0, sizeof(all), &all));
	must0(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	for (int i = 0; i < THREADS; i++) {
		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, &all));
		CPU_ZERO(&sets[i]);
		CPU_SET(cpu, &sets[i]);
		threads[i] = test_thread(thread_fn, &sets[i]);
	}
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	over = 1;
	futex_wake_all(&over);
	for (int i = 0; i < THREADS; i++)
		must0(pthread_join(threads[i], NULL));
	must(sched_getaffinity(0, sizeof(sets[0]), &sets[0]));
	if (!CPU_EQUAL(&all, &sets[0]))
		fail("the main thread's set of CPUs is another");
	return pass();
}
