// SPDX-License-Identifier: GPL-2.0-only
#include "pair.h"

#include "zdtmtst.h"

struct pair {
	void (*set)(int value);
	void (*check)(const char *who, int value);
	int value;
	pthread_barrier_t barrier;
	uint32_t over;
};

static void *thread_fn(void *arg)
{
	struct pair *p = arg;

	p->set(p->value);
	pthread_barrier_wait(&p->barrier);
	futex_wait_change(&p->over, 0);
	p->check("the thread", p->value);
	return arg;
}

int test_pair(int argc, char **argv, void (*set)(int value),
	      void (*check)(const char *who, int value), int thread_value, int main_value)
{
	struct pair p = { .set = set, .check = check, .value = thread_value };
	pthread_t thread;

	test_init(argc, argv);
	must0(pthread_barrier_init(&p.barrier, NULL, 2));
	thread = test_thread(thread_fn, &p);
	pthread_barrier_wait(&p.barrier);
	set(main_value);
	test_daemon();
	test_waitsig();

	check("the main thread", main_value);
	p.over = 1;
	futex_wake_all(&p.over);
	must0(pthread_join(thread, NULL));
	return pass();
}
