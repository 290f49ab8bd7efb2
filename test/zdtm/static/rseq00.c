// SPDX-License-Identifier: GPL-2.0-only
/* The restartable sequences area of each thread: registered, and kept up to date by the kernel. */
#include "zdtmtst.h"

#include <errno.h>
#include <linux/rseq.h>
#include <sched.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RSEQ_SIG
#define RSEQ_SIG 0x53053053
#endif
#define AREA_SIZE 32

static pthread_barrier_t barrier;
static uint32_t over;

static void area_check(const char *who)
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	cpu_set_t all, one;

	must(sched_getaffinity(0, sizeof(all), &all));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		uint32_t seen;

		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		must(sched_setaffinity(0, sizeof(one), &one));
		seen = *(volatile uint32_t *)&area->cpu_id;
		if (seen != (uint32_t)cpu)
			fail("%s: on CPU %d the area says %u", who, cpu, seen);
	}
	must(sched_setaffinity(0, sizeof(all), &all));
	/* A second registration of the same area is refused in a way of its own. */
	if (!syscall(SYS_rseq, area, AREA_SIZE, 0, RSEQ_SIG) || errno != EBUSY)
		fail("%s: the area is not registered, errno %d", who, errno);
}

static void *thread_fn(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	area_check("the thread");
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	test_init(argc, argv);
	expect(__rseq_size, "the C library has registered no area");
	must0(pthread_barrier_init(&barrier, NULL, 2));
	thread = test_thread(thread_fn, NULL);
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	area_check("the main thread");
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	return pass();
}
