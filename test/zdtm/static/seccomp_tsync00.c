// SPDX-License-Identifier: GPL-2.0-only
/* Threads that share a filter go on sharing it: only then another one can be installed for
 * all of them at once. One of them has no_new_privs and the others must not get it. */
#include "filters.h"
#include "zdtmtst.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 2

static pthread_barrier_t barrier;
static uint32_t over;

static void *thread_fn(void *arg)
{
	if (arg)
		must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	errno = 0;
	if (syscall(SYS_getpriority, 0, 0) >= 0 || errno != EDOM)
		fail("the old filter: errno %d", errno);
	if (syscall(SYS_getrusage, 0, 0) >= 0 || errno != ENOTTY)
		fail("the new filter: errno %d", errno);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != !!arg)
		fail("no_new_privs is %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	long ret;

	test_init(argc, argv);
	must(filter_add(SYS_getpriority, SECCOMP_RET_ERRNO | EDOM, 0));
	must0(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = test_thread(thread_fn, (void *)i);
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		fail("the main thread has got no_new_privs");
	ret = filter_add(SYS_getrusage, SECCOMP_RET_ERRNO | ENOTTY, SECCOMP_FILTER_FLAG_TSYNC);
	if (ret)
		fail("a filter for all threads: %ld, errno %d", ret, errno);
	over = 1;
	futex_wake_all(&over);
	for (int i = 0; i < THREADS; i++)
		must0(pthread_join(threads[i], NULL));
	return pass();
}
