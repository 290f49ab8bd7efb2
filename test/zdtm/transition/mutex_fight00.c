// SPDX-License-Identifier: GPL-2.0-only
/* Threads that fight for a mutex and count under it, all the time. */
#include "zdtmtst.h"

#define THREADS 4

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t total, broken;
static bool inside;

static void *thread_fn(void *arg)
{
	uint64_t *own = arg;

	while (test_go()) {
		must0(pthread_mutex_lock(&mutex));
		broken += inside;
		inside = true;
		total++;
		inside = false;
		must0(pthread_mutex_unlock(&mutex));
		(*own)++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t counts[THREADS] = { 0 }, sum = 0;
	pthread_t threads[THREADS];

	test_init(argc, argv);
	for (int i = 0; i < THREADS; i++)
		threads[i] = test_thread(thread_fn, &counts[i]);
	test_daemon();
	test_waitsig();

	for (int i = 0; i < THREADS; i++) {
		must0(pthread_join(threads[i], NULL));
		sum += counts[i];
	}
	if (broken)
		return fail("%lu times two threads held the mutex", (unsigned long)broken);
	if (sum != total)
		return fail("the threads counted %lu, together %lu", (unsigned long)sum,
			    (unsigned long)total);
	return pass();
}
