// SPDX-License-Identifier: GPL-2.0-only
#include "compel/tracee.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/unit/test.h"

static void *sleeper(void *arg)
{
	pid_t tid = gettid();

	if (write(*(int *)arg, &tid, sizeof(tid)) != sizeof(tid))
		_exit(1);
	for (;;)
		pause();
	return NULL;
}

static pid_t start(int to)
{
	pid_t pid = fork();
	pthread_t t;

	if (pid)
		return pid;
	if (pthread_create(&t, NULL, sleeper, &to))
		_exit(1);
	for (;;)
		pause();
}

/* Whatever the signals have told until then nobody hears again. */
static void signals_take(const sigset_t *set)
{
	const struct timespec moment = { .tv_nsec = 200000000 };

	while (sigtimedwait(set, NULL, &moment) > 0)
		;
}

static void too_long(int sig)
{
	(void)sig;
}

/* waitpid(2) does not know of a leader whose other threads have not been reaped. */
TEST(tracee_wait_finds_who_had_ended)
{
	struct sigaction sa = { .sa_handler = too_long };
	struct tracee_stop stop;
	sigset_t set, before;
	int from[2], status;
	pid_t pid, tid = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (!CHECK(pipe(from) == 0))
		return;
	sigprocmask(SIG_BLOCK, &set, &before);
	sigaction(SIGALRM, &sa, NULL);
	pid = start(from[1]);
	CHECK(read(from[0], &tid, sizeof(tid)) == sizeof(tid));
	CHECK_INT_EQ(tracee_attach(pid, true, false), 0);
	CHECK_INT_EQ(tracee_attach(tid, false, false), 0);
	kill(pid, SIGKILL);
	signals_take(&set);
	alarm(5);
	CHECK_INT_EQ(tracee_wait(pid, &stop), -ESRCH);
	CHECK_INT_EQ(tracee_wait(tid, &stop), 0);
	CHECK_INT_EQ(stop.event, TRACEE_EXIT);
	alarm(0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	signals_take(&set);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(from[0]);
	close(from[1]);
}
