// SPDX-License-Identifier: GPL-2.0-only
/* Signal handlers with their flags and masks, as sigaction(2) tells and as a signal shows. */
#include "zdtmtst.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t runs, seen_value, nested;

static void on_plain(int sig)
{
	(void)sig;
	runs++;
}

static void on_info(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	runs++;
	seen_value = info->si_value.sival_int;
	raise(SIGUSR2); /* in the mask: must wait until we are done */
	nested = runs;
}

static const struct wanted {
	int sig, flags, masked;
	bool info;
} wanted[] = {
	{ SIGHUP, SA_RESTART, SIGINT, false },
	{ SIGUSR1, SA_SIGINFO | SA_ONSTACK, SIGUSR2, true },
	{ SIGUSR2, 0, 64, false },
	{ SIGCHLD, SA_NOCLDSTOP | SA_NOCLDWAIT, SIGHUP, false },
	{ SIGALRM, SA_NODEFER, SIGQUIT, false },
	{ SIGSEGV, SA_RESETHAND | SA_SIGINFO, SIGBUS, true },
	{ 34, SA_SIGINFO | SA_RESTART | SA_NODEFER, 35, true },
	{ 64, SA_RESTART, 63, false },
};

static void action_make(const struct wanted *w, struct sigaction *action)
{
	memset(action, 0, sizeof(*action));
	action->sa_flags = w->flags;
	sigemptyset(&action->sa_mask);
	sigaddset(&action->sa_mask, w->masked);
	if (w->info)
		action->sa_sigaction = on_info;
	else
		action->sa_handler = on_plain;
}

static void action_check(int sig, const struct sigaction *want)
{
	struct sigaction now;

	must(sigaction(sig, NULL, &now));
	if (now.sa_sigaction != want->sa_sigaction)
		fail("signal %d: another handler", sig);
	if (now.sa_flags != want->sa_flags)
		fail("signal %d: flags %#x instead of %#x", sig, now.sa_flags, want->sa_flags);
	for (int i = 1; i <= 64; i++)
		if (sigismember(&now.sa_mask, i) != sigismember(&want->sa_mask, i))
			fail("signal %d: mask differs in %d", sig, i);
}

int main(int argc, char **argv)
{
	const union sigval value = { .sival_int = 815 };
	struct sigaction action, before[ARRAY_SIZE(wanted)];

	test_init(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		action_make(&wanted[i], &action);
		must(sigaction(wanted[i].sig, &action, NULL));
		must(sigaction(wanted[i].sig, NULL, &before[i]));
	}
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		action_check(wanted[i].sig, &before[i]);
	must(sigqueue(getpid(), SIGUSR1, value));
	if (runs != 2 || nested != 1 || seen_value != 815)
		fail("%d runs, %d while masked, value %d", (int)runs, (int)nested, (int)seen_value);
	return pass();
}
