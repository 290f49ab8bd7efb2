// SPDX-License-Identifier: GPL-2.0-only
/* Who is in the middle of a system call gets through with it; who only waits is left alone. */
#include "criu/task/calls.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/mem.h"
#include "criu/kernel/proc.h"
#include "test/unit/test.h"

enum what { POLLS, READS, SPINS, IS_DEAD, NR };

/* Until it is killed. */
static void act(enum what what, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	for (;;) {
		if (what == IS_DEAD)
			_exit(0);
		else if (what == POLLS)
			poll(&p, 1, -1);
		else if (what == READS && read(fd, &byte, 1) >= 0)
			_exit(1);
	}
}

static struct proc_stat stat_of(pid_t pid)
{
	struct proc_buf b = { 0 };
	struct proc_stat st = { .state = '?' };
	int proc = proc_open(pid);

	CHECK_INT_EQ(proc_stat_read(proc, 0, &b, &st), 0);
	proc_buf_done(&b);
	close(proc);
	return st;
}

static unsigned long long switches_of(pid_t pid)
{
	struct proc_buf b = { 0 };
	uint64_t ran = 0, nr = 0;
	int proc = proc_open(pid);

	CHECK_INT_EQ(proc_sched_read(proc, pid, &b, &ran, &nr), 0);
	proc_buf_done(&b);
	close(proc);
	return nr;
}

static void wait_for_state(pid_t pid, char state)
{
	while (stat_of(pid).state != state)
		usleep(1000);
}

TEST(calls_end_and_waits_go_on)
{
	static const char states[NR] = {
		[POLLS] = 'S', [READS] = 'S', [SPINS] = 'R', [IS_DEAD] = 'Z'
	};
	struct options opts = { .timeout = 10 };
	struct session s = { .opts = &opts };
	struct dump d = { .s = &s };
	struct tree tree = { 0 };
	unsigned long long before[NR];
	pid_t pids[NR];
	sigset_t set;
	int fds[2] = { -1, -1 };

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (!CHECK(pipe2(fds, O_CLOEXEC) == 0))
		return;
	for (enum what i = 0; i < NR; i++) {
		pids[i] = fork();
		if (!pids[i])
			act(i, fds[0]);
		wait_for_state(pids[i], states[i]);
		tree_add(&tree, pids[i], NULL);
		before[i] = i == IS_DEAD ? 0 : switches_of(pids[i]);
	}
	CHECK_INT_EQ(calls_end(&d, &tree), 0);
	CHECK_INT_EQ((long long)switches_of(pids[POLLS]), (long long)before[POLLS]);
	CHECK(switches_of(pids[READS]) > before[READS]);
	CHECK(switches_of(pids[SPINS]) > before[SPINS]);
	for (enum what i = 0; i < NR; i++) {
		wait_for_state(pids[i], states[i]); /* as before, and of no tracer */
		kill(pids[i], SIGKILL);
		CHECK(waitpid(pids[i], NULL, 0) == pids[i]);
	}
	tree_done(&tree);
}

/* Whose thread has a tracer already cannot be asked. */
TEST(calls_of_one_that_is_traced_are_not_known)
{
	struct options opts = { .timeout = 10 };
	struct session s = { .opts = &opts };
	struct dump d = { .s = &s };
	struct tree tree = { 0 };
	int fds[2] = { -1, -1 }, ready[2] = { -1, -1 };
	pid_t pid, tracer;
	char byte;

	if (!CHECK(pipe2(fds, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0))
		return;
	pid = fork();
	if (!pid)
		act(READS, fds[0]);
	wait_for_state(pid, 'S');
	tracer = fork();
	if (!tracer) {
		bool held = tracee_attach(pid, true, false) >= 0;

		CHECK(held && write(ready[1], "x", 1) == 1);
		pause();
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	tree_add(&tree, pid, NULL);
	CHECK_INT_EQ(calls_end(&d, &tree), 1);
	kill(tracer, SIGKILL);
	CHECK(waitpid(tracer, NULL, 0) == tracer);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
	tree_done(&tree);
}
