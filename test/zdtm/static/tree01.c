// SPDX-License-Identifier: GPL-2.0-only
/* A child that was forked by a thread which is not the main one. */
#include "zdtmtst.h"

#include <signal.h>
#include <unistd.h>

static struct ready ready;
static uint32_t pid, over;

static int child(void *arg)
{
	pid_t parent = getppid();

	(void)arg;
	ready_report(&ready);
	test_waitsig();
	expect(getppid() == parent, "parent %d instead of %d", getppid(), parent);
	return 0;
}

static void *forker(void *arg)
{
	(void)arg;
	__atomic_store_n(&pid, (uint32_t)test_child(child, NULL), __ATOMIC_SEQ_CST);
	futex_wake_all(&pid);
	futex_wait_change(&over, 0);
	return test_reap((pid_t)pid, "child") ? &pid : NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	void *well;

	test_init(argc, argv);
	ready_init(&ready);
	thread = test_thread(forker, NULL);
	futex_wait_change(&pid, 0);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	must(kill((pid_t)pid, SIGTERM));
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, &well));
	if (!well)
		return fail("the thread's child is not well");
	return pass();
}
