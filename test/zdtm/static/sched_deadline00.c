// SPDX-License-Identifier: GPL-2.0-only
/* SCHED_DEADLINE with its numbers and flags, different for two threads. */
#include "schedattr.h"
#include "zdtmtst.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t barrier;
static uint32_t over;

#define DEADLINE      6
#define RESET_ON_FORK 1
#define DL_OVERRUN    4
#define MSEC          1000000ull

static const struct attr wanteds[] = {
	{ .policy = DEADLINE, .runtime = 5 * MSEC, .deadline = 100 * MSEC, .period = 100 * MSEC },
	{ .policy = DEADLINE,
	  .flags = RESET_ON_FORK | DL_OVERRUN,
	  .runtime = 3 * MSEC,
	  .deadline = 50 * MSEC,
	  .period = 200 * MSEC },
};

static void check(const struct attr *wanted, size_t nr)
{
	struct attr now = attr_get();

	expect(now.policy == wanted->policy, "thread %zu has policy %u", nr, now.policy);
	expect(now.flags == wanted->flags, "thread %zu has flags %#llx", nr,
	       (unsigned long long)now.flags);
	expect(now.runtime == wanted->runtime && now.deadline == wanted->deadline &&
		   now.period == wanted->period,
	       "thread %zu has %llu of %llu in %llu ns", nr, (unsigned long long)now.runtime,
	       (unsigned long long)now.deadline, (unsigned long long)now.period);
}

static void *thread_fn(void *arg)
{
	const struct attr *wanted = arg;

	attr_set(wanted);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	check(wanted, (size_t)(wanted - wanteds));
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[ARRAY_SIZE(wanteds)];

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, ARRAY_SIZE(wanteds) + 1));
	for (size_t i = 0; i < ARRAY_SIZE(wanteds); i++)
		threads[i] = test_thread(thread_fn, (void *)(uintptr_t)&wanteds[i]);
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	over = 1;
	futex_wake_all(&over);
	for (size_t i = 0; i < ARRAY_SIZE(wanteds); i++)
		must0(pthread_join(threads[i], NULL));
	return pass();
}
