// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIGINT, SIGTERM and the timer are not restarted: whatever waits sees EINTR and asks. SIGCHLD
 * is waited for (tracee_wait()), also where our parent has it ignored.
 */
#include "criu/core/session.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/error.h"

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	caught = sig;
}

void session_signals(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaction(sigs[i], &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL); /* the write says EFBIG */
	sa.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void session_timeout(unsigned int seconds)
{
	alarm(seconds);
}

int session_interrupted(const struct session *s)
{
	int sig = caught;

	if (!sig)
		return 0;
	if (sig == SIGALRM)
		return fail_hint(fail_plain("not finished after %u s", s->opts->timeout),
				 "try a larger --timeout");
	return fail_plain("interrupted by %s", sig == SIGINT    ? "SIGINT"
					       : sig == SIGTERM ? "SIGTERM"
								: "SIGHUP");
}
