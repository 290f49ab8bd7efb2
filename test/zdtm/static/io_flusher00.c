// SPDX-License-Identifier: GPL-2.0-only
/* A thread that is an I/O flusher (PR_SET_IO_FLUSHER), beside one that is not. */
#include "zdtmtst.h"

#include <sys/prctl.h>

static void set(int flusher)
{
	must(prctl(PR_SET_IO_FLUSHER, flusher, 0, 0, 0));
}

static void check(const char *who, int flusher)
{
	int now = (int)must(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));

	expect(now == flusher, "%s: PR_GET_IO_FLUSHER: %d", who, now);
}

static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	set(1);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	check("the thread", 1);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, 2));
	thread = test_thread(thread_fn, NULL);
	pthread_barrier_wait(&barrier);
	set(0);
	test_daemon();
	test_waitsig();

	check("the main thread", 0);
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	return pass();
}
