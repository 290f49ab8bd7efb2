// SPDX-License-Identifier: GPL-2.0-only
/* Nice values, different for two threads of a process and for its child. */
#include "zdtmtst.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

static uint32_t over;
static pid_t thread_tid;

static void *thread_fn(void *arg)
{
	(void)arg;
	must(setpriority(PRIO_PROCESS, (id_t)gettid_raw(), 11));
	__atomic_store_n(&thread_tid, gettid_raw(), __ATOMIC_SEQ_CST);
	futex_wake_all((uint32_t *)&thread_tid);
	futex_wait_change(&over, 0);
	return NULL;
}

static int child(void *arg)
{
	must(setpriority(PRIO_PROCESS, 0, 19));
	ready_report(arg);
	test_waitsig();
	expect(getpriority(PRIO_PROCESS, 0) == 19, "the child has nice %d",
	       getpriority(PRIO_PROCESS, 0));
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
	thread = test_thread(thread_fn, NULL);
	futex_wait_change((uint32_t *)&thread_tid, 0);
	must(setpriority(PRIO_PROCESS, 0, -7));
	test_daemon();
	test_waitsig();

	if (getpriority(PRIO_PROCESS, 0) != -7)
		fail("the main thread has nice %d", getpriority(PRIO_PROCESS, 0));
	if (getpriority(PRIO_PROCESS, (id_t)thread_tid) != 11)
		fail("the thread has nice %d", getpriority(PRIO_PROCESS, (id_t)thread_tid));
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	return pass();
}
