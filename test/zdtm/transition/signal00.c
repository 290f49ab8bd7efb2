// SPDX-License-Identifier: GPL-2.0-only
/* Parent and child send each other signals with numbers, all the time; none is lost or repeated. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define BURST   8
#define THE_END (-1)

static int sig_number;
static sigset_t mask;

static void send(pid_t pid, int value)
{
	const union sigval number = { .sival_int = value };

	must(sigqueue(pid, sig_number, number));
}

static int receive(pid_t from)
{
	siginfo_t info;
	int sig;

	do
		sig = sigwaitinfo(&mask, &info);
	while (sig == -1 && errno == EINTR);
	expect(sig == sig_number && info.si_pid == from, "signal %d from %d", sig, info.si_pid);
	return info.si_value.sival_int;
}

/* Sends every number back. */
static int child(void *arg)
{
	pid_t parent = getppid();
	int value;

	(void)arg;
	while ((value = receive(parent)) != THE_END)
		send(parent, value);
	return 0;
}

int main(int argc, char **argv)
{
	int sent = 0, received = 0;
	pid_t pid;

	test_init(argc, argv);
	sig_number = SIGRTMIN + 1;
	sigemptyset(&mask);
	sigaddset(&mask, sig_number);
	must(sigprocmask(SIG_BLOCK, &mask, NULL));
	pid = test_companion(child, NULL);
	test_daemon();
	do {
		for (int i = 0; i < BURST; i++)
			send(pid, sent++);
		for (int i = 0; i < BURST; i++) {
			int value = receive(pid);

			if (value != received++)
				return fail("number %d instead of %d", value, received - 1);
		}
	} while (test_go());
	send(pid, THE_END);
	if (!test_reap(pid, "child"))
		return fail("the child is not well");
	return pass();
}
