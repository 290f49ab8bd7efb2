// SPDX-License-Identifier: GPL-2.0-only
/* Sessions and groups that are founded, joined and left behind by dead leaders, all the time. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t root;

/* Left alone in the session and the group of a dead leader; then in a session of its own. */
static int heir(pid_t leader)
{
	while (getppid() != root)
		continue;
	expect(getsid(0) == leader, "session %d instead of %d", getsid(0), leader);
	expect(getpgrp() == leader, "group %d instead of %d", getpgrp(), leader);
	must(setpgid(0, 0));
	expect(getpgrp() == getpid(), "group %d instead of %d", getpgrp(), getpid());
	expect(setsid() == -1 && errno == EPERM, "the leader of a group has founded a session");
	must(setpgid(0, leader));
	must(setsid());
	expect(getsid(0) == getpid() && getpgrp() == getpid(), "session %d, group %d", getsid(0),
	       getpgrp());
	return 0;
}

/*
 * The heir goes back to the group of the leader: which is there as long as the keeper is in it.
 */
static int leader(void *arg)
{
	pid_t pid = (pid_t)must(setsid()), before = *(pid_t *)arg;

	expect(pid == getpid() && getpgrp() == pid, "session %d, group %d", pid, getpgrp());
	expect(getsid(before) == before, "the session of %d is %d", before, getsid(before));
	if (!must(fork()))
		_exit(heir(pid));
	if (!must(fork())) { /* the keeper: the root ends it */
		for (;;)
			pause();
	}
	return 0;
}

/* Every child that has ended must have ended well, until only the keeper is left. */
static bool round_end(pid_t leader_pid)
{
	int status;

	for (int i = 0; i < 2; i++) {
		if (waitpid(-1, &status, 0) < 0 || !test_exited(status, 0, "a member"))
			return false;
	}
	if (killpg(leader_pid, SIGKILL)) {
		pr_perror("kill group %d", leader_pid);
		return false;
	}
	return waitpid(-1, &status, 0) > 0 && test_signaled(status, SIGKILL, "the keeper") &&
	       waitpid(-1, &status, WNOHANG) == -1;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	root = getpid();
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	test_daemon();
	for (uint32_t round = 0; test_go(); round++)
		if (!round_end(test_child(leader, &root)))
			return fail("round %u: a process is not well", round);
	return pass();
}
