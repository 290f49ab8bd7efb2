// SPDX-License-Identifier: GPL-2.0-only
/* no_new_privs of one thread and of a child; the main thread is without. */
#include "zdtmtst.h"

#include <sys/prctl.h>

static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	(void)arg;
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		fail("the thread has lost no_new_privs");
	return NULL;
}

static int child(void *arg)
{
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	ready_report(arg);
	test_waitsig();
	expect(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "the child has lost no_new_privs");
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pthread_t thread;
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	must0(pthread_barrier_init(&barrier, NULL, 2));
	thread = test_thread(thread_fn, NULL);
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		fail("the main thread has got no_new_privs");
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	return pass();
}
