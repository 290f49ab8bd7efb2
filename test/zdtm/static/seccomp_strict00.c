// SPDX-License-Identifier: GPL-2.0-only
/* Strict mode: read and write are all that a child and a thread may do, before and after. */
#include "zdtmtst.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct echo {
	int in[2], out[2];
};

/* Answers each byte with the next one; 'x' is answered with a call that is forbidden. */
static void echo_strictly(struct echo *e)
{
	char byte;

	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
	for (;;) {
		if (syscall(SYS_read, e->in[0], &byte, 1) != 1)
			syscall(SYS_exit, 1);
		if (byte == 'x')
			syscall(SYS_getpid);
		byte++;
		if (syscall(SYS_write, e->out[1], &byte, 1) != 1)
			syscall(SYS_exit, 1);
	}
}

static void *thread_fn(void *arg)
{
	echo_strictly(arg);
	return NULL;
}

static void echo_open(struct echo *e)
{
	must(pipe(e->in));
	must(pipe(e->out));
}

static char echo_ask(struct echo *e, char byte)
{
	must(write(e->in[1], &byte, 1));
	must(read(e->out[0], &byte, 1));
	return byte;
}

int main(int argc, char **argv)
{
	struct echo child, thread;
	pid_t pid;
	int status;

	test_init(argc, argv);
	echo_open(&child);
	echo_open(&thread);
	pid = (pid_t)must(fork());
	if (!pid)
		echo_strictly(&child);
	test_thread(thread_fn, &thread);
	expect(echo_ask(&child, 'a') == 'b', "no echo of the child");
	expect(echo_ask(&thread, 'a') == 'b', "no echo of the thread");
	wait_in_syscall(pid, SYS_read);
	test_daemon();
	test_waitsig();

	if (echo_ask(&child, 'k') != 'l' || echo_ask(&thread, 'q') != 'r')
		return fail("no echo");
	must(write(child.in[1], "x", 1));
	must(waitpid(pid, &status, 0));
	if (!test_signaled(status, SIGKILL, "the child"))
		return fail("the child is not in strict mode any more");
	must(write(thread.in[1], "x", 1));
	/* It alone is killed, and nobody else writes to the pipe of its answers. */
	close(thread.out[1]);
	syscall(SYS_exit_group, pass());
	return 1;
}
