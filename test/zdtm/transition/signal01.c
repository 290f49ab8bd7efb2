// SPDX-License-Identifier: GPL-2.0-only
/* A handler that runs all the time, in whatever the main loop is doing. */
#include "zdtmtst.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile uint64_t handled;

static void handler(int sig)
{
	(void)sig;
	handled++;
}

/* Sends one signal after the other, and waits for none. */
static int child(void *arg)
{
	pid_t parent = getppid();
	uint64_t *sent = arg;

	while (test_go()) {
		must(kill(parent, SIGUSR1));
		(*sent)++;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	uint8_t data[4000], copy[4000];
	uint64_t sent = 0;
	pid_t pid;

	test_init(argc, argv);
	must(sigaction(SIGUSR1, &action, NULL));
	pid = test_companion(child, &sent);
	test_daemon();
	for (uint32_t seed = 0; test_go(); seed++) {
		datagen(data, sizeof(data), seed);
		memcpy(copy, data, sizeof(data));
		if (datachk(copy, sizeof(copy), seed) != sizeof(copy))
			return fail("the handler has disturbed the main loop");
	}
	if (!test_stop(pid, "child"))
		return fail("the child is not well");
	handled = 0;
	must(raise(SIGUSR1));
	if (handled != 1)
		return fail("the handler ran %lu times for one signal", (unsigned long)handled);
	return pass();
}
