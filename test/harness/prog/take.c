// SPDX-License-Identifier: GPL-2.0-only
/*
 * take READY_FD PID [group]
 *
 * Takes the number PID: a process that has it, or, with "group", only a process group that has
 * it. Says "ready" on READY_FD; ends when it is killed, and what it started with it.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int clone_pid(pid_t pid)
{
	struct clone_args a = { .exit_signal = SIGCHLD,
				.set_tid = (uintptr_t)&pid,
				.set_tid_size = 1 };

	return (int)syscall(SYS_clone3, &a, sizeof(a));
}

static void stay(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

/* The leader founds the group, the member stays in it when the leader has gone. */
static int group_only(pid_t pid)
{
	int leader = clone_pid(pid), member;

	if (leader == 0)
		stay();
	if (leader < 0 || setpgid(pid, pid) < 0)
		return -1;
	member = fork();
	if (member == 0)
		stay();
	if (member < 0 || setpgid(member, pid) < 0 || kill(leader, SIGKILL) < 0)
		return -1;
	return waitpid(leader, NULL, 0) < 0 ? -1 : member;
}

int main(int argc, char **argv)
{
	int fd, child;

	if (argc < 3)
		return 2;
	fd = atoi(argv[1]);
	child = argc > 3 ? group_only(atoi(argv[2])) : clone_pid(atoi(argv[2]));
	if (child == 0) {
		close(fd);
		stay();
	}
	dprintf(fd, child < 0 ? "error: %s\n" : "ready\n", strerror(errno));
	close(fd);
	if (child > 0)
		waitpid(child, NULL, 0);
	return child < 0;
}
