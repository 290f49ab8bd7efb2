// SPDX-License-Identifier: GPL-2.0-only
/* Children of clone(2) that send another signal than SIGCHLD at their end, or none; a zombie. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WANTED_CODE 37

static int signals[] = { SIGUSR1, 0, 0 /* SIGRTMAX */, SIGCHLD };

static pid_t child_with(int signo)
{
	pid_t pid = (pid_t)must(syscall(SYS_clone, signo, 0, 0, 0, 0));

	if (!pid) {
		test_waitsig();
		_exit(WANTED_CODE);
	}
	return pid;
}

/* Field 38 of stat; the name has no blanks. */
static int exit_signal_of(pid_t pid)
{
	char path[64], text[4096], *at = text;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file_read_text(path, text, sizeof(text));
	for (int i = 1; i < 38 && at; i++)
		at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
	return at ? atoi(at) : -1;
}

/* Whatever is pending; 0: nothing. */
static int next_signal(void)
{
	const struct timespec now = { 0 };
	sigset_t all;
	int sig;

	sigfillset(&all);
	sigdelset(&all, SIGTERM);
	sig = sigtimedwait(&all, NULL, &now);
	return sig < 0 ? 0 : sig;
}

static void check_end(pid_t pid, int signo)
{
	siginfo_t info;
	int status, got;

	if (exit_signal_of(pid) != signo)
		fail("the child of %d has %d in stat", signo, exit_signal_of(pid));
	must(kill(pid, SIGTERM));
	must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | __WALL));
	got = next_signal();
	if (got != signo)
		fail("the child of %d has sent %d", signo, got);
	if (signo != SIGCHLD && (waitpid(pid, &status, 0) != -1 || errno != ECHILD))
		fail("the child of %d is one as any other", signo);
	must(waitpid(pid, &status, __WALL));
	test_exited(status, WANTED_CODE, "a child");
}

int main(int argc, char **argv)
{
	pid_t pids[ARRAY_SIZE(signals)], zombie;
	siginfo_t info;
	sigset_t set;
	int status;

	test_init(argc, argv);
	signals[2] = SIGRTMAX;
	sigfillset(&set);
	sigdelset(&set, SIGTERM);
	must(sigprocmask(SIG_SETMASK, &set, NULL));
	zombie = (pid_t)must(syscall(SYS_clone, SIGUSR2, 0, 0, 0, 0));
	if (!zombie)
		_exit(WANTED_CODE);
	must(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT | __WALL));
	expect(next_signal() == SIGUSR2, "the zombie has sent another signal");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		pids[i] = child_with(signals[i]);
	test_daemon();
	test_waitsig();

	if (next_signal())
		fail("a signal came with the restore");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		check_end(pids[i], signals[i]);
	if (exit_signal_of(zombie) != SIGUSR2)
		fail("the zombie has %d in stat", exit_signal_of(zombie));
	must(waitpid(zombie, &status, __WCLONE));
	if (!test_exited(status, WANTED_CODE, "the zombie") || next_signal())
		fail("the zombie is not well");
	return pass();
}
