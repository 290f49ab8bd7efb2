// SPDX-License-Identifier: GPL-2.0-only
/* Blocked signals that wait for the process: each with its siginfo. */
#include "zdtmtst.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static pid_t sender;

static int send(void *arg)
{
	(void)arg;
	must(kill(getppid(), SIGHUP));
	return 0;
}

static void take(int sig, int code, pid_t pid, int value)
{
	const struct timespec now = { 0 };
	siginfo_t info;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, sig);
	if (sigtimedwait(&mask, &info, &now) != sig) {
		fail("signal %d is not pending", sig);
		return;
	}
	if (info.si_code != code || info.si_pid != pid || info.si_uid != getuid())
		fail("signal %d: si_code %d, pid %d, uid %d", sig, info.si_code, info.si_pid,
		     (int)info.si_uid);
	if (code == SI_QUEUE && info.si_value.sival_int != value)
		fail("signal %d: value %d instead of %d", sig, info.si_value.sival_int, value);
}

int main(int argc, char **argv)
{
	const union sigval value = { .sival_int = -12345 };
	sigset_t mask, old;

	test_init(argc, argv);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	must(sigprocmask(SIG_BLOCK, &mask, &old));
	must(sigqueue(getpid(), SIGUSR1, value));
	must(kill(getpid(), SIGINT));
	sender = test_child(send, NULL);
	expect(test_reap(sender, "sender"), "the sender is not well");
	test_daemon();
	test_waitsig();

	take(SIGUSR1, SI_QUEUE, getpid(), -12345);
	take(SIGINT, SI_USER, getpid(), 0);
	take(SIGHUP, SI_USER, sender, 0);
	must(sigpending(&mask));
	for (int sig = 1; sig <= 64; sig++)
		if (sigismember(&mask, sig))
			fail("signal %d is pending still, or a second time", sig);
	return pass();
}
