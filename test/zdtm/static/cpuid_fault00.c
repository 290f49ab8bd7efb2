// SPDX-License-Identifier: GPL-2.0-only
/* A thread for which CPUID is a fault (ARCH_SET_CPUID), beside one for which it is not. */
#include "zdtmtst.h"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void set(int may)
{
	must(syscall(SYS_arch_prctl, ARCH_SET_CPUID, may));
}

static void check(const char *who, int may)
{
	int now = (int)must(syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0));

	expect(now == may, "%s: ARCH_GET_CPUID: %d", who, now);
}

static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	set(0);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	check("the thread", 0);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, 2));
	thread = test_thread(thread_fn, NULL);
	pthread_barrier_wait(&barrier);
	set(1);
	test_daemon();
	test_waitsig();

	check("the main thread", 1);
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	return pass();
}
