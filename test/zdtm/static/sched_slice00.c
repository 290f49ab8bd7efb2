// SPDX-License-Identifier: GPL-2.0-only
/* Time slices that threads have asked for, with several policies; and none. */
#include "schedattr.h"
#include "zdtmtst.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t barrier;
static uint32_t over;

static const struct attr wanteds[] = {
	{ .policy = SCHED_OTHER, .runtime = 20000000 },
	{ .policy = SCHED_OTHER, .nice = 3, .runtime = 700000 },
	{ .policy = SCHED_BATCH, .runtime = 90000000 },
	{ .policy = SCHED_OTHER },
};

static uint64_t usual; /* the length of those that have not asked */

static void check(const struct attr *wanted, size_t nr)
{
	struct attr now = attr_get();

	expect(now.policy == wanted->policy, "thread %zu has policy %u", nr, now.policy);
	expect(now.nice == wanted->nice, "thread %zu has nice %d", nr, now.nice);
	expect(now.runtime == (wanted->runtime ?: usual), "thread %zu has a slice of %llu ns", nr,
	       (unsigned long long)now.runtime);
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
	attr_set(&(struct attr){ .policy = SCHED_OTHER });
	usual = attr_get().runtime;
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
