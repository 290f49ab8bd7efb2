// SPDX-License-Identifier: GPL-2.0-only
/* Threads that wait for a mutex, and others for a condition. */
#include "zdtmtst.h"

#include <sys/syscall.h>

#define WAITERS 3

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int entered, open_gate;
static pid_t tids[2 * WAITERS];

static void *mutex_waiter(void *arg)
{
	__atomic_store_n((pid_t *)arg, gettid_raw(), __ATOMIC_SEQ_CST);
	must0(pthread_mutex_lock(&held));
	entered++;
	must0(pthread_mutex_unlock(&held));
	return NULL;
}

static void *cond_waiter(void *arg)
{
	must0(pthread_mutex_lock(&guard));
	__atomic_store_n((pid_t *)arg, gettid_raw(), __ATOMIC_SEQ_CST);
	while (!open_gate)
		must0(pthread_cond_wait(&changed, &guard));
	entered++;
	must0(pthread_mutex_unlock(&guard));
	return NULL;
}

static void wait_until_asleep(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tids); i++) {
		while (!__atomic_load_n(&tids[i], __ATOMIC_SEQ_CST))
			continue;
		wait_in_syscall(tids[i], SYS_futex);
	}
}

int main(int argc, char **argv)
{
	pthread_t threads[2 * WAITERS];

	test_init(argc, argv);
	must0(pthread_mutex_lock(&held));
	for (int i = 0; i < WAITERS; i++) {
		threads[i] = test_thread(mutex_waiter, &tids[i]);
		threads[WAITERS + i] = test_thread(cond_waiter, &tids[WAITERS + i]);
	}
	wait_until_asleep();
	test_daemon();
	test_waitsig();

	if (entered)
		fail("%d threads did not wait", entered);
	must0(pthread_mutex_unlock(&held));
	for (int i = 0; i < WAITERS; i++)
		must0(pthread_join(threads[i], NULL));
	if (entered != WAITERS)
		fail("%d threads of %d got the mutex", entered, WAITERS);
	must0(pthread_mutex_lock(&guard));
	open_gate = 1;
	must0(pthread_cond_broadcast(&changed));
	must0(pthread_mutex_unlock(&guard));
	for (int i = WAITERS; i < 2 * WAITERS; i++)
		must0(pthread_join(threads[i], NULL));
	return pass();
}
