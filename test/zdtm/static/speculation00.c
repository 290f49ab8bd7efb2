// SPDX-License-Identifier: GPL-2.0-only
/* A thread without speculative store bypass (PR_SET_SPECULATION_CTRL), beside one with it. */
#include "zdtmtst.h"

#include <sys/prctl.h>

static void set(unsigned long how)
{
	must(prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, how, 0, 0));
}

static void check(const char *who, unsigned long how)
{
	long now = must(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0));

	expect(now == (long)(how | PR_SPEC_PRCTL), "%s: PR_GET_SPECULATION_CTRL: %#lx", who, now);
}

static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	set(PR_SPEC_DISABLE);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	check("the thread", PR_SPEC_DISABLE);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, 2));
	thread = test_thread(thread_fn, NULL);
	pthread_barrier_wait(&barrier);
	set(PR_SPEC_ENABLE);
	test_daemon();
	test_waitsig();

	check("the main thread", PR_SPEC_ENABLE);
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	return pass();
}
