// SPDX-License-Identifier: GPL-2.0-only
/* Blocked signals of the main thread and of another; a blocked one stays away. */
#include "zdtmtst.h"

#include <signal.h>
#include <unistd.h>

static pthread_barrier_t barrier;
static uint32_t over;
static volatile sig_atomic_t handled;

static void note(int sig)
{
	handled = sig;
}

static void mask_check(const char *who, const sigset_t *wanted)
{
	sigset_t now;

	must0(pthread_sigmask(SIG_SETMASK, NULL, &now));
	for (int sig = 1; sig <= 64; sig++)
		if (sigismember(&now, sig) != sigismember(wanted, sig))
			fail("%s: signal %d is %sblocked", who, sig,
			     sigismember(&now, sig) ? "" : "not ");
}

static void *thread_fn(void *arg)
{
	sigset_t mask;

	(void)arg;
	sigfillset(&mask); /* of which the kernel leaves out SIGKILL and SIGSTOP */
	must0(pthread_sigmask(SIG_SETMASK, &mask, NULL));
	must0(pthread_sigmask(SIG_SETMASK, NULL, &mask));
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	mask_check("the thread", &mask);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	sigset_t mask;

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, 2));
	thread = test_thread(thread_fn, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGSEGV);
	sigaddset(&mask, 64);
	must(sigprocmask(SIG_SETMASK, &mask, NULL));
	must(signal(SIGUSR1, note) == SIG_ERR ? -1 : 0);
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	mask_check("the main thread", &mask);
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	must(kill(getpid(), SIGUSR1));
	if (handled)
		fail("a blocked signal was delivered");
	sigemptyset(&mask);
	must(sigprocmask(SIG_SETMASK, &mask, NULL));
	if (handled != SIGUSR1)
		fail("an unblocked signal was not delivered");
	return pass();
}
