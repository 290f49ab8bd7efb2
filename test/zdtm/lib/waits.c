// SPDX-License-Identifier: GPL-2.0-only
/* Threads that are inside a system call while they are dumped and restored. */
#include "waits.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zdtmtst.h"

#define NSEC_PER_SEC 1000000000L

static const double total = 2.0;
static const double before_ready = 0.8;
static const double early_slack = 0.01; /* clocks of different resolution */
static const double late_slack = 0.5; /* a busy machine */

struct waiter {
	const struct timed_wait *wait;
	const char *complaint;
	double begun, ended;
	uint32_t tid;
};

static struct timespec to_timespec(double seconds)
{
	struct timespec ts = { .tv_sec = (time_t)seconds };

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * (double)NSEC_PER_SEC);
	return ts;
}

static void *waiter_run(void *arg)
{
	struct waiter *waiter = arg;
	const struct timespec duration = to_timespec(total);
	const struct timespec deadline = to_timespec(waiter->begun + total);

	__atomic_store_n(&waiter->tid, (uint32_t)gettid_raw(), __ATOMIC_SEQ_CST);
	futex_wake_all(&waiter->tid);
	waiter->complaint = waiter->wait->wait(&duration, &deadline);
	waiter->ended = now_seconds();
	return NULL;
}

static int stop_parent(void *arg)
{
	pid_t parent = getppid();

	(void)arg;
	must(kill(parent, SIGSTOP));
	wait_for_state(parent, 'T');
	must(kill(parent, SIGCONT));
	return 0;
}

/* All threads are interrupted; the kernel goes on with what was left of the wait. */
static void interrupt_all(pid_t waiter)
{
	expect(test_reap(test_child(stop_parent, NULL), "helper"), "no stop");
	wait_in_syscall(waiter, SYS_restart_syscall);
}

int timed_wait_test(int argc, char **argv, const struct timed_wait *wait)
{
	struct waiter waiter = { .wait = wait };
	struct timespec until;
	double asked, took;
	pthread_t thread;

	test_init(argc, argv);
	waiter.begun = now_seconds();
	thread = test_thread(waiter_run, &waiter);
	futex_wait_change(&waiter.tid, 0);
	wait_in_syscall((pid_t)waiter.tid, wait->nr);
	if (wait->restarted)
		interrupt_all((pid_t)waiter.tid);
	until = to_timespec(waiter.begun + before_ready);
	must0(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL));
	test_daemon();
	test_waitsig();

	asked = now_seconds();
	must0(pthread_join(thread, NULL));
	took = waiter.ended - waiter.begun;
	if (waiter.complaint)
		return fail("after %.3f s: %s", took, waiter.complaint);
	if (took < total - early_slack)
		return fail("%.3f s instead of %.3f s", took, total);
	if (waiter.ended > asked + total - before_ready + late_slack)
		return fail("%.3f s, as if begun anew", took);
	return pass();
}
