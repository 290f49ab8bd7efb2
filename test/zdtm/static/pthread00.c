// SPDX-License-Identifier: GPL-2.0-only
/* One thread beside the main one: its tid, its id for pthread_join and what it returns. */
#include "zdtmtst.h"

static uint32_t tid, over;

static void *thread_fn(void *arg)
{
	uint32_t self = (uint32_t)gettid_raw();

	__atomic_store_n(&tid, self, __ATOMIC_SEQ_CST);
	futex_wake_all(&tid);
	futex_wait_change(&over, 0);
	expect((uint32_t)gettid_raw() == self, "tid %d instead of %u", gettid_raw(), self);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	void *result;

	test_init(argc, argv);
	thread = test_thread(thread_fn, &thread);
	futex_wait_change(&tid, 0);
	test_daemon();
	test_waitsig();

	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, &result));
	if (result != &thread)
		return fail("the thread returned %p instead of %p", result, (void *)&thread);
	return pass();
}
