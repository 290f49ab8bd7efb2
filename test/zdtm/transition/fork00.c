// SPDX-License-Identifier: GPL-2.0-only
/* A process that makes children and reaps them, all the time. */
#include "zdtmtst.h"

#include <sys/wait.h>
#include <unistd.h>

static uint32_t round_number;

static int child(void *arg)
{
	uint32_t expected = *(uint32_t *)arg;

	expect(round_number == expected, "round %u instead of %u", round_number, expected);
	return (int)(round_number % 251);
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	test_init(argc, argv);
	test_daemon();
	while (test_go()) {
		round_number++;
		pid = test_child(child, &round_number);
		if (waitpid(pid, &status, 0) != pid) {
			pr_perror("waitpid");
			return fail("round %u: the child is gone", round_number);
		}
		if (!test_exited(status, (int)(round_number % 251), "child"))
			return fail("round %u: the child is not well", round_number);
	}
	if (waitpid(-1, &status, WNOHANG) != -1)
		return fail("there is one child more");
	return pass();
}
