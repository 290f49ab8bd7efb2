// SPDX-License-Identifier: GPL-2.0-only
/* waitpid(2) for a child that ends after the restore. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int grandchild(void *arg)
{
	(void)arg;
	test_waitsig();
	return 99;
}

static int waiter(void *arg)
{
	pid_t *pid = arg, got;
	int status;

	*pid = test_child(grandchild, NULL);
	got = waitpid(-1, &status, 0);
	expect(got == *pid, "waitpid returned %d, errno %d", got, errno);
	expect(test_exited(status, 99, "grandchild"), "the grandchild is not well");
	return 0;
}

int main(int argc, char **argv)
{
	pid_t *grandchild_pid, pid;

	test_init(argc, argv);
	grandchild_pid = map_anon(4096, PROT_READ | PROT_WRITE, MAP_SHARED);
	pid = test_child(waiter, grandchild_pid);
	wait_in_syscall(pid, SYS_wait4);
	test_daemon();
	test_waitsig();

	must(kill(*grandchild_pid, SIGTERM));
	if (!test_reap(pid, "waiter"))
		return fail("the waiter did not wait as it should");
	return pass();
}
