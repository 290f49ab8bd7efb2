// SPDX-License-Identifier: GPL-2.0-only
/* When a thread is killed for a memory error (PR_MCE_KILL), different for two threads. */
#include "zdtmtst.h"

#include <sys/prctl.h>

static void set(int policy)
{
	must(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, policy, 0, 0));
}

static void check(const char *who, int policy)
{
	int now = (int)must(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));

	expect(now == policy, "%s has policy %d", who, now);
}

static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	set(PR_MCE_KILL_EARLY);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	check("the thread", PR_MCE_KILL_EARLY);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, 2));
	thread = test_thread(thread_fn, NULL);
	pthread_barrier_wait(&barrier);
	set(PR_MCE_KILL_LATE);
	test_daemon();
	test_waitsig();

	check("the main thread", PR_MCE_KILL_LATE);
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	return pass();
}
