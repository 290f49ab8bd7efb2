// SPDX-License-Identifier: GPL-2.0-only
/* A process that is killed for nearly all that it does not do itself. */
#include "filters.h"
#include "zdtmtst.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int in[2], out[2];

static int child(void *arg)
{
	static const long list[] = { SYS_read, SYS_write, SYS_rt_sigreturn, SYS_exit_group, -1 };
	char byte;

	(void)arg;
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(filter_only(list));
	while (syscall(SYS_read, in[0], &byte, 1) == 1 && byte != 'x') {
		byte++;
		syscall(SYS_write, out[1], &byte, 1);
	}
	syscall(SYS_getpid);
	return 0;
}

int main(int argc, char **argv)
{
	char byte = 'a';
	pid_t pid;
	int status;

	test_init(argc, argv);
	must(pipe(in));
	must(pipe(out));
	pid = test_child(child, NULL);
	must(write(in[1], &byte, 1));
	must(read(out[0], &byte, 1));
	wait_in_syscall(pid, SYS_read);
	test_daemon();
	test_waitsig();

	must(write(in[1], "q", 1));
	must(read(out[0], &byte, 1));
	if (byte != 'r')
		fail("the answer is %c", byte);
	must(write(in[1], "x", 1));
	must(waitpid(pid, &status, 0));
	if (!test_signaled(status, SIGSYS, "the child"))
		fail("the filter is gone");
	return pass();
}
