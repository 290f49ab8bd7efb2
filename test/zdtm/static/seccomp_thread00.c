// SPDX-License-Identifier: GPL-2.0-only
/* Each thread has filters of its own, or none; no_new_privs goes along with none of them. */
#include "filters.h"
#include "zdtmtst.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 3
#define CODE(n) (1000 + (int)(n))

static pthread_barrier_t barrier;
static uint32_t over;

/* Thread n has n filters, the last of which gives the answer. */
static void *thread_fn(void *arg)
{
	intptr_t number = (intptr_t)arg;

	if (number == THREADS - 1)
		must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	for (intptr_t i = 1; i <= number; i++)
		must(filter_add(SYS_getpriority, SECCOMP_RET_ERRNO | (uint32_t)CODE(i), 0));
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	errno = 0;
	syscall(SYS_getpriority, 0, 0);
	if (errno != (number ? CODE(number) : 0))
		fail("thread %d: errno %d", (int)number, errno);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != (number == THREADS - 1))
		fail("thread %d: no_new_privs is %d", (int)number,
		     prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = test_thread(thread_fn, (void *)i);
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	over = 1;
	futex_wake_all(&over);
	for (int i = 0; i < THREADS; i++)
		must0(pthread_join(threads[i], NULL));
	if (syscall(SYS_getpriority, 0, 0) < 0)
		fail("the main thread has got a filter");
	return pass();
}
