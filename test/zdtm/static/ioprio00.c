// SPDX-License-Identifier: GPL-2.0-only
/* I/O priorities, different for two threads of a process and for its child. */
#include "zdtmtst.h"

#include <linux/ioprio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAIN_PRIO   IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6)
#define THREAD_PRIO IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)
#define CHILD_PRIO  IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 1)

static pthread_barrier_t barrier;
static uint32_t over;

static void set(int prio)
{
	must(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, prio));
}

static int get(void)
{
	return (int)must(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
}

static void *prio_fn(void *arg)
{
	(void)arg;
	set(THREAD_PRIO);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	expect(get() == THREAD_PRIO, "the thread has I/O priority %#x", get());
	return NULL;
}

static void *none_fn(void *arg)
{
	int own = get();

	(void)arg;
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	expect(get() == own, "the thread without one has I/O priority %#x", get());
	return NULL;
}

static int child(void *arg)
{
	set(CHILD_PRIO);
	ready_report(arg);
	test_waitsig();
	expect(get() == CHILD_PRIO, "the child has I/O priority %#x", get());
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	must0(pthread_barrier_init(&barrier, NULL, 3));
	threads[0] = test_thread(prio_fn, NULL);
	threads[1] = test_thread(none_fn, NULL);
	pthread_barrier_wait(&barrier);
	set(MAIN_PRIO);
	test_daemon();
	test_waitsig();

	if (get() != MAIN_PRIO)
		fail("the main thread has I/O priority %#x", get());
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(threads[0], NULL));
	must0(pthread_join(threads[1], NULL));
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	return pass();
}
