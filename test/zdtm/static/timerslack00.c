// SPDX-License-Identifier: GPL-2.0-only
/* The timer slack of each thread, and the default that it goes back to: its creator's. */
#include "zdtmtst.h"

#include <sys/prctl.h>

#define MAIN   1234567
#define FIRST  70000
#define SECOND 3000000000l
#define LENT   91000

static pthread_barrier_t barrier;
static uint32_t over;
static long main_default;

static void set(long ns)
{
	must(prctl(PR_SET_TIMERSLACK, ns, 0, 0, 0));
}

/* prctl(2) of libc has an int for an answer, which SECOND does not fit in. */
static void check(const char *who, long now, long dfl)
{
	expect(prctl(PR_GET_TIMERSLACK) == (int)now, "%s has %d ns", who, prctl(PR_GET_TIMERSLACK));
	set(0);
	expect(prctl(PR_GET_TIMERSLACK) == (int)dfl, "%s goes back to %d ns", who,
	       prctl(PR_GET_TIMERSLACK));
}

static void *first_fn(void *arg)
{
	(void)arg;
	set(FIRST);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	check("the first thread", FIRST, main_default);
	return NULL;
}

static void *second_fn(void *arg)
{
	(void)arg;
	set(SECOND);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	check("the second thread", SECOND, LENT);
	return NULL;
}

static int child(void *arg)
{
	ready_report(arg);
	test_waitsig();
	check("the child", LENT, LENT);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	main_default = prctl(PR_GET_TIMERSLACK);
	must0(pthread_barrier_init(&barrier, NULL, 3));
	threads[0] = test_thread(first_fn, NULL);
	set(LENT);
	threads[1] = test_thread(second_fn, NULL);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	pthread_barrier_wait(&barrier);
	set(MAIN);
	test_daemon();
	test_waitsig();

	check("the main thread", MAIN, main_default);
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(threads[0], NULL));
	must0(pthread_join(threads[1], NULL));
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	return pass();
}
