// SPDX-License-Identifier: GPL-2.0-only
/* Children that execute another program, all the time. */
#include "zdtmtst.h"

#include <sys/wait.h>
#include <unistd.h>

static int child(void *arg)
{
	(void)arg;
	execl("/bin/sh", "sh", "-c", "exit 42", NULL);
	return 127;
}

int main(int argc, char **argv)
{
	int status;

	test_init(argc, argv);
	test_daemon();
	do {
		must(waitpid(test_child(child, NULL), &status, 0));
		if (!test_exited(status, 42, "the shell"))
			return fail("the shell is not well");
	} while (test_go());
	return pass();
}
