// SPDX-License-Identifier: GPL-2.0-only
/* A process that makes threads and joins them, all the time. */
#include "zdtmtst.h"

#define THREADS 4

static uint64_t sum;

static void *thread_fn(void *arg)
{
	uint8_t frame[2000];

	datagen(frame, sizeof(frame), (uint32_t)(uintptr_t)arg);
	__atomic_add_fetch(&sum, (uintptr_t)arg, __ATOMIC_SEQ_CST);
	if (datachk(frame, sizeof(frame), (uint32_t)(uintptr_t)arg) != sizeof(frame))
		return NULL;
	return arg;
}

int main(int argc, char **argv)
{
	uint64_t wanted = 0, round = 0;
	pthread_t threads[THREADS];
	void *result;

	test_init(argc, argv);
	test_daemon();
	while (test_go()) {
		round++;
		for (uintptr_t i = 0; i < THREADS; i++) {
			wanted += round + i;
			threads[i] = test_thread(thread_fn, (void *)(intptr_t)(round + i));
		}
		for (uintptr_t i = 0; i < THREADS; i++) {
			must0(pthread_join(threads[i], &result));
			if (result != (void *)(intptr_t)(round + i))
				return fail("round %lu: a thread returned %p", (unsigned long)round,
					    result);
		}
		if (sum != wanted)
			return fail("round %lu: sum %lu instead of %lu", (unsigned long)round,
				    (unsigned long)sum, (unsigned long)wanted);
	}
	return pass();
}
