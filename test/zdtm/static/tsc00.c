// SPDX-License-Identifier: GPL-2.0-only
/* A thread that may not read the time stamp counter (PR_SET_TSC), beside one that may. */
#include "zdtmtst.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <x86intrin.h>

static __thread sigjmp_buf back;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static void set(int mode)
{
	must(prctl(PR_SET_TSC, mode, 0, 0, 0));
}

static void check(const char *who, int mode)
{
	int now = 0, faults;

	must(prctl(PR_GET_TSC, &now, 0, 0, 0));
	expect(now == mode, "%s has mode %d", who, now);
	signal(SIGSEGV, on_fault);
	faults = sigsetjmp(back, 1);
	if (!faults)
		(void)__rdtsc();
	expect(faults == (mode == PR_TSC_SIGSEGV), "%s: %s", who, faults ? "a fault" : "no fault");
}

static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	set(PR_TSC_SIGSEGV);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	check("the thread", PR_TSC_SIGSEGV);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, 2));
	thread = test_thread(thread_fn, NULL);
	pthread_barrier_wait(&barrier);
	set(PR_TSC_ENABLE);
	test_daemon();
	test_waitsig();

	check("the main thread", PR_TSC_ENABLE);
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	return pass();
}
