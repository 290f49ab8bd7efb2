// SPDX-License-Identifier: GPL-2.0-only
/* Processes that double and end at several levels, all the time; exit codes add up. */
#include "zdtmtst.h"

#include <sys/wait.h>
#include <unistd.h>

/* Returns the number of processes below, with itself: 1, 3, 7 ... */
static int grow(int levels)
{
	pid_t pids[2];
	int status, sum = 1;

	if (!levels)
		return 1;
	for (int i = 0; i < 2; i++) {
		pids[i] = (pid_t)must(fork());
		if (!pids[i])
			_exit(grow(levels - 1));
	}
	for (int i = 0; i < 2; i++) {
		must(waitpid(pids[i], &status, 0));
		if (!WIFEXITED(status)) {
			test_msg("a process has ended with status %#x", status);
			return 0;
		}
		sum += WEXITSTATUS(status);
	}
	return sum;
}

int main(int argc, char **argv)
{
	int processes;

	test_init(argc, argv);
	test_daemon();
	do {
		processes = grow(4);
		if (processes != 31)
			return fail("%d processes instead of 31", processes);
	} while (test_go());
	return pass();
}
