// SPDX-License-Identifier: GPL-2.0-only
/* By whose rights a file's signals are sent: those of who has set the owner, not root's. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define GETOWNER_UIDS 17
#define USER          12345
#define OTHER         12346

static struct steps *steps;

/* Of another user: none of the signals may get here. */
static int victim(void *arg)
{
	siginfo_t info;
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	must(setresuid(OTHER, OTHER, OTHER));
	steps_reach(steps, 1);
	test_waitsig();
	if (sigtimedwait(&set, &info, &(struct timespec){ 0 }) > 0) {
		test_msg("somebody may send it a signal\n");
		return 1;
	}
	return 0;
}

static void check(int fd, uid_t uid, uid_t euid)
{
	uid_t uids[2];

	must(fcntl(fd, GETOWNER_UIDS, uids));
	if (uids[0] != uid || uids[1] != euid)
		fail("fd %d: owner set by %d, %d instead of %d, %d", fd, (int)uids[0], (int)uids[1],
		     (int)uid, (int)euid);
}

static int watched(pid_t pid)
{
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	must(fcntl(ends[0], F_SETSIG, SIGUSR1));
	must(fcntl(ends[0], F_SETOWN, pid));
	must(fcntl(ends[0], F_SETFL, O_ASYNC));
	return ends[0];
}

int main(int argc, char **argv)
{
	int by_root, by_user, by_both;
	pid_t pid;

	test_init(argc, argv);
	steps = steps_new();
	pid = (pid_t)must(test_child(victim, NULL));
	steps_wait(steps, 1);
	by_root = watched(getpid());
	must(setresuid(USER, USER, 0));
	by_user = watched(pid);
	must(setresuid(USER, 0, 0));
	by_both = watched(getpid());
	must(setresuid(0, 0, 0));
	must(prctl(PR_SET_DUMPABLE, 1));
	test_daemon();
	test_waitsig();

	check(by_root, 0, 0);
	check(by_user, USER, USER);
	check(by_both, USER, 0);
	/* The other end is the next descriptor. */
	must(write(by_user + 1, "x", 1));
	if (prctl(PR_GET_DUMPABLE) != 1)
		fail("dumpable is %d", prctl(PR_GET_DUMPABLE));
	if (!test_stop(pid, "the process of another user"))
		fail("the process of another user");
	return pass();
}
