// SPDX-License-Identifier: GPL-2.0-only
/*
 * The job is no child of the shell, which waits for crtool and sends its signals to the group
 * of crtool. So crtool does as the job does: it stops when the job stops, has it go on when
 * it is told to go on itself, and hands on what would end it.
 *
 * A job that was a member of a group that is not in the images is in crtool's own: what is
 * sent to that group reaches it without our help.
 */
#include "criu/flow/job.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/log.h"
#include "criu/files/terminal.h"

/* 0: it is crtool's. */
static pid_t job_group(const struct restore *r)
{
	pid_t group = getpgid(r->root_pid);

	return group > 0 && group != getpgrp() ? group : 0;
}

/* False when nobody could have us go on (an orphaned group): the kernel stops none such. */
static bool stop_like(int sig, pid_t group)
{
	sigset_t stops, old, pending;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTSTP);
	sigaddset(&stops, SIGTTOU);
	sigprocmask(SIG_UNBLOCK, &stops, &old);
	/* The terminal signals whole groups: a script that we are a part of stops, too. */
	if (group && sig != SIGSTOP)
		kill(0, sig);
	else
		raise(sig);
	sigprocmask(SIG_SETMASK, &old, NULL);
	/* What had us go on is still to be taken from the queue. */
	return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT);
}

static void job_stopped(struct restore *r, int sig)
{
	pid_t group = job_group(r);

	log_debug("the job was stopped by signal %d", sig);
	if ((sig == SIGTTIN || sig == SIGTTOU) && terminal_job_continued(r, group)) {
		kill(-group, SIGCONT);
		return;
	}
	terminal_job_stopped(r);
	if (!stop_like(sig, group) && terminal_job_continued(r, group))
		kill(-group, SIGCONT);
}

/*
 * Keys reach us instead of the job when the shell has moved us to the foreground without a
 * word, as it does with a job that was running in the background.
 */
static void job_signal(struct restore *r, const siginfo_t *info)
{
	pid_t group = job_group(r);
	int sig = info->si_signo;

	if (sig == SIGCHLD)
		return;
	if (!group) {
		if (sig != SIGCONT && info->si_code != SI_KERNEL)
			kill(r->root_pid, sig);
		return;
	}
	if (sig == SIGCONT || info->si_code == SI_KERNEL)
		terminal_job_continued(r, group);
	kill(-group, sig);
}

int job_wait(struct restore *r)
{
	static const int sigs[] = { SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };
	siginfo_t info;
	sigset_t set;
	int status = 0;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaddset(&set, sigs[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (;;) {
		pid_t pid = waitpid(r->root_pid, &status, WNOHANG | WUNTRACED);

		if (pid < 0)
			return 0;
		if (pid > 0 && !WIFSTOPPED(status))
			break;
		if (pid > 0)
			job_stopped(r, WSTOPSIG(status));
		else if (sigwaitinfo(&set, &info) >= 0)
			job_signal(r, &info);
	}
	terminal_job_ended(r, WIFSIGNALED(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
