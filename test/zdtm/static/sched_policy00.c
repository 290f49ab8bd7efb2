// SPDX-License-Identifier: GPL-2.0-only
/* A scheduling policy per thread: batch and idle, with nice values. */
#include "zdtmtst.h"

#include <sched.h>
#include <sys/resource.h>

static const struct {
	int policy, nice;
} wanted[] = { { SCHED_BATCH, 3 }, { SCHED_IDLE, 0 }, { SCHED_OTHER, 8 }, { SCHED_BATCH, 0 } };

static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	size_t i = (size_t)arg;
	const struct sched_param param = { 0 };
	int policy, nice;

	must(sched_setscheduler(0, wanted[i].policy, &param));
	must(setpriority(PRIO_PROCESS, 0, wanted[i].nice));
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	policy = sched_getscheduler(0);
	expect(policy == wanted[i].policy, "thread %zu has policy %d", i, policy);
	nice = getpriority(PRIO_PROCESS, 0);
	expect(nice == wanted[i].nice, "thread %zu has nice %d", i, nice);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[ARRAY_SIZE(wanted)];

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, ARRAY_SIZE(wanted) + 1));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		threads[i] = test_thread(thread_fn, (void *)i);
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	over = 1;
	futex_wake_all(&over);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		must0(pthread_join(threads[i], NULL));
	if (sched_getscheduler(0) != SCHED_OTHER)
		fail("the main thread has policy %d", sched_getscheduler(0));
	return pass();
}
