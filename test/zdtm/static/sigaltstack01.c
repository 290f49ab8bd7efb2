// SPDX-License-Identifier: GPL-2.0-only
/* Alternate signal stacks of two threads, one of them with SS_AUTODISARM; the main one has none. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/mman.h>

#define SIZE       65536
#define AUTODISARM ((int)(1u << 31))

static const int flags[] = { 0, AUTODISARM };
static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	stack_t stack = { .ss_size = SIZE, .ss_flags = *(const int *)arg }, now;

	stack.ss_sp = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	must(sigaltstack(&stack, NULL));
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	must(sigaltstack(NULL, &now));
	expect(now.ss_sp == stack.ss_sp && now.ss_size == SIZE, "the stack is %p, %zu bytes",
	       now.ss_sp, now.ss_size);
	expect(now.ss_flags == stack.ss_flags, "flags %#x instead of %#x", now.ss_flags,
	       stack.ss_flags);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	stack_t now;

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, 3));
	for (int i = 0; i < 2; i++)
		threads[i] = test_thread(thread_fn, (void *)&flags[i]);
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	must(sigaltstack(NULL, &now));
	if (now.ss_flags != SS_DISABLE)
		fail("the main thread has a stack, flags %#x", now.ss_flags);
	over = 1;
	futex_wake_all(&over);
	for (int i = 0; i < 2; i++)
		must0(pthread_join(threads[i], NULL));
	return pass();
}
