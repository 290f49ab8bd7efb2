// SPDX-License-Identifier: GPL-2.0-only
/* Core scheduling: two threads and a child that share a cookie, one with its own, one without. */
#include "zdtmtst.h"

#include <sys/prctl.h>

#define SCOPE PR_SCHED_CORE_SCOPE_THREAD

static pthread_barrier_t barrier;
static uint32_t over;
static pid_t tids[2];

static unsigned long cookie_of(pid_t tid)
{
	unsigned long cookie = 0;

	must(prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, tid, SCOPE, &cookie));
	return cookie;
}

static void *own_fn(void *arg)
{
	must(prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, SCOPE, 0));
	tids[0] = gettid_raw();
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	return arg;
}

static void *shared_fn(void *arg)
{
	tids[1] = gettid_raw();
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	return arg;
}

static int child(void *arg)
{
	ready_report(arg);
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	struct ready ready;
	pid_t pid, none;

	test_init(argc, argv);
	ready_init(&ready);
	none = test_child(child, &ready);
	must0(pthread_barrier_init(&barrier, NULL, 3));
	must(prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, SCOPE, 0));
	pid = test_child(child, &ready);
	ready_collect(&ready, 2);
	threads[0] = test_thread(own_fn, NULL);
	threads[1] = test_thread(shared_fn, NULL);
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	if (!cookie_of(0) || cookie_of(tids[1]) != cookie_of(0) || cookie_of(pid) != cookie_of(0))
		fail("the cookies of three are %lx, %lx, %lx", cookie_of(0), cookie_of(tids[1]),
		     cookie_of(pid));
	if (!cookie_of(tids[0]) || cookie_of(tids[0]) == cookie_of(0))
		fail("the cookie of one is %lx", cookie_of(tids[0]));
	if (cookie_of(none))
		fail("a child has the cookie %lx", cookie_of(none));
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(threads[0], NULL));
	must0(pthread_join(threads[1], NULL));
	if (!test_stop(pid, "child") || !test_stop(none, "child without"))
		fail("a child is not well");
	return pass();
}
