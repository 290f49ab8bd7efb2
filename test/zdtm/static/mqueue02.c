// SPDX-License-Identifier: GPL-2.0-only
/* A message makes a thread (mq_notify with SIGEV_THREAD), as the C library arranges it: through a
 * netlink socket. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint32_t calls;
static void *value;

static void called(union sigval v)
{
	value = v.sival_ptr;
	__atomic_store_n(&calls, 1, __ATOMIC_RELEASE);
	futex_wake_all(&calls);
}

int main(int argc, char **argv)
{
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 16 };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD };
	char name[64];
	sigset_t set, old;
	mqd_t q;

	test_init(argc, argv);
	/* For the library's own thread. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	must(sigprocmask(SIG_BLOCK, &set, &old));
	snprintf(name, sizeof(name), "/zdtm-mqueue02-%d", (int)getpid());
	q = (mqd_t)must(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr));
	must(mq_unlink(name));
	event.sigev_notify_function = called;
	event.sigev_value.sival_ptr = &attr;
	must(mq_notify(q, &event));
	must(sigprocmask(SIG_SETMASK, &old, NULL));
	test_daemon();
	test_waitsig();

	if (__atomic_load_n(&calls, __ATOMIC_ACQUIRE))
		fail("there was a thread before a message");
	must(mq_send(q, "hello", 5, 0));
	futex_wait_change(&calls, 0);
	if (value != &attr)
		return fail("the thread was given %p", value);
	return pass();
}
