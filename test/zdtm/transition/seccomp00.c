// SPDX-License-Identifier: GPL-2.0-only
/* A filter never lets its call pass, at no moment of a dump or a restore. */
#include "filters.h"
#include "zdtmtst.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint32_t passed;

static void *thread_fn(void *arg)
{
	(void)arg;
	while (test_go())
		if (syscall(SYS_getpriority, 0, 0) != -1 || errno != EDOM)
			__atomic_store_n(&passed, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	test_init(argc, argv);
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(filter_add(SYS_getpriority, SECCOMP_RET_ERRNO | EDOM, 0));
	thread = test_thread(thread_fn, NULL);
	test_daemon();
	thread_fn(NULL);
	must0(pthread_join(thread, NULL));
	if (passed)
		return fail("the call has passed");
	return pass();
}
