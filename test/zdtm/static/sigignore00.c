// SPDX-License-Identifier: GPL-2.0-only
/* Ignored signals stay ignored, others keep their default. */
#include "zdtmtst.h"

#include <signal.h>

static const int ignored[] = { SIGHUP, SIGINT, SIGPIPE, SIGTSTP, SIGCHLD, SIGXFSZ, 40 };

int main(int argc, char **argv)
{
	struct sigaction now;

	test_init(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		must(signal(ignored[i], SIG_IGN));
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++) {
		must(sigaction(ignored[i], NULL, &now));
		if (now.sa_handler != SIG_IGN)
			return fail("signal %d is not ignored", ignored[i]);
		must(raise(ignored[i]));
	}
	must(sigaction(SIGUSR1, NULL, &now));
	if (now.sa_handler != SIG_DFL)
		return fail("SIGUSR1 has no default action");
	return pass();
}
