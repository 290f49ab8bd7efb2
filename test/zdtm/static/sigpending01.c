// SPDX-License-Identifier: GPL-2.0-only
/* Signals that wait for one thread are for this thread only. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_barrier_t barrier;
static uint32_t over;

static void take(const char *who, int sig, int code, int value)
{
	const struct timespec now = { 0 };
	siginfo_t info;
	sigset_t mask;
	int got;

	sigemptyset(&mask);
	sigaddset(&mask, sig);
	/* The C library's function would hide SI_TKILL. */
	got = (int)syscall(SYS_rt_sigtimedwait, &mask, &info, &now, 8);
	if (!code) {
		if (got != -1 || errno != EAGAIN)
			fail("%s has got signal %d, which is not its own", who, sig);
	} else if (got != sig) {
		fail("%s: signal %d is not pending", who, sig);
	} else if (info.si_code != code || (value && info.si_value.sival_int != value)) {
		fail("%s: signal %d: si_code %d, value %d", who, sig, info.si_code,
		     info.si_value.sival_int);
	}
}

static void *thread_fn(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	take("the thread", SIGUSR1, SI_TKILL, 0);
	take("the thread", SIGUSR2, SI_QUEUE, 17);
	take("the thread", SIGINT, 0, 0);
	return NULL;
}

int main(int argc, char **argv)
{
	const union sigval seventeen = { .sival_int = 17 };
	pthread_t thread;
	sigset_t mask;

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, 2));
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGUSR2);
	sigaddset(&mask, SIGINT);
	must0(pthread_sigmask(SIG_BLOCK, &mask, NULL));
	thread = test_thread(thread_fn, NULL);
	must0(pthread_kill(thread, SIGUSR1));
	must0(pthread_sigqueue(thread, SIGUSR2, seventeen));
	must0(pthread_kill(pthread_self(), SIGINT));
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	take("the main thread", SIGUSR1, 0, 0);
	take("the main thread", SIGUSR2, 0, 0);
	take("the main thread", SIGINT, SI_TKILL, 0);
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	return pass();
}
