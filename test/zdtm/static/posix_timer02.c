// SPDX-License-Identifier: GPL-2.0-only
/* A POSIX timer whose signal goes to one certain thread. */
#include "zdtmtst.h"

#include <signal.h>
#include <time.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static uint32_t tid, over;
static pid_t got_it;

static void handler(int sig)
{
	(void)sig;
	__atomic_store_n(&got_it, gettid_raw(), __ATOMIC_SEQ_CST);
	futex_wake_all((uint32_t *)&got_it);
}

static void *thread_fn(void *arg)
{
	(void)arg;
	__atomic_store_n(&tid, (uint32_t)gettid_raw(), __ATOMIC_SEQ_CST);
	futex_wake_all(&tid);
	futex_wait_change(&over, 0);
	return NULL;
}

int main(int argc, char **argv)
{
	struct itimerspec setting = { .it_value = { .tv_sec = 1000 } };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	const struct sigaction action = { .sa_handler = handler };
	pthread_t thread;
	timer_t timer;

	test_init(argc, argv);
	must(sigaction(SIGUSR1, &action, NULL));
	thread = test_thread(thread_fn, NULL);
	futex_wait_change(&tid, 0);
	event.sigev_notify_thread_id = (pid_t)tid;
	must(timer_create(CLOCK_MONOTONIC, &event, &timer));
	must(timer_settime(timer, 0, &setting, NULL));
	test_daemon();
	test_waitsig();

	if (got_it)
		fail("the timer has expired early");
	setting.it_value = (struct timespec){ .tv_nsec = 1 };
	must(timer_settime(timer, 0, &setting, NULL));
	futex_wait_change((uint32_t *)&got_it, 0);
	if (got_it != (pid_t)tid)
		fail("thread %d got the signal instead of %u", got_it, tid);
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	return pass();
}
