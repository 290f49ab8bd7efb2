// SPDX-License-Identifier: GPL-2.0-only
/* Real-time policies with their priority, the nice value that is kept for later, and the flag that
 * children do not inherit them. */
#include "zdtmtst.h"

#include <sched.h>
#include <sys/resource.h>

static const struct {
	int policy, priority, nice;
} wanted[] = { { SCHED_FIFO, 7, 5 },
	       { SCHED_RR, 42, -3 },
	       { SCHED_RR | SCHED_RESET_ON_FORK, 1, 0 } };

static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	size_t i = (size_t)arg;
	struct sched_param param = { .sched_priority = wanted[i].priority };
	int policy, nice;

	must(setpriority(PRIO_PROCESS, 0, wanted[i].nice));
	must(sched_setscheduler(0, wanted[i].policy, &param));
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	policy = sched_getscheduler(0);
	expect(policy == wanted[i].policy, "thread %zu has policy %#x", i, policy);
	must(sched_getparam(0, &param));
	expect(param.sched_priority == wanted[i].priority, "thread %zu has priority %d", i,
	       param.sched_priority);
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
	return pass();
}
