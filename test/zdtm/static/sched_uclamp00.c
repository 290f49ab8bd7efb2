// SPDX-License-Identifier: GPL-2.0-only
/* Utilization clamps, different for two threads. */
#include "schedattr.h"
#include "zdtmtst.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t barrier;
static uint32_t over;

#define KEEP_POLICY 0x08
#define KEEP_PARAMS 0x10
#define UTIL_MIN    0x20
#define UTIL_MAX    0x40
#define CLAMP       (KEEP_POLICY | KEEP_PARAMS | UTIL_MIN | UTIL_MAX)

static const struct attr wanteds[] = {
	{ .flags = CLAMP, .util_min = 100, .util_max = 900 },
	{ .flags = CLAMP, .util_min = 0, .util_max = 512 },
	{ .flags = CLAMP, .util_min = 0, .util_max = 1024 },
};

static void check(const struct attr *wanted, size_t nr)
{
	struct attr now = attr_get();

	expect(now.util_min == wanted->util_min && now.util_max == wanted->util_max,
	       "thread %zu has %u to %u", nr, now.util_min, now.util_max);
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
