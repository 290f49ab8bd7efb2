// SPDX-License-Identifier: GPL-2.0-only
/* pidfds of zombies, one of which was killed: the child can be waited for through its. */
#include "zdtmtst.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int child(void *arg)
{
	if (arg)
		kill(getpid(), SIGKILL);
	return 73;
}

static bool check(int fd, pid_t pid, int code, int status)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	siginfo_t info = { 0 };

	if (poll(&p, 1, 0) != 1 || p.revents != POLLIN) {
		fail("poll: %#x", (unsigned int)p.revents);
		return false;
	}
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid != pid ||
	    info.si_code != code || info.si_status != status) {
		fail("pid %d, si_code %d, si_status %d", info.si_pid, info.si_code, info.si_status);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	pid_t exited, killed;
	int fd[2];

	test_init(argc, argv);
	exited = test_child(child, NULL);
	killed = test_child(child, argv);
	fd[0] = (int)must(syscall(SYS_pidfd_open, exited, 0));
	fd[1] = (int)must(syscall(SYS_pidfd_open, killed, 0));
	wait_for_state(exited, 'Z');
	wait_for_state(killed, 'Z');
	test_daemon();
	test_waitsig();

	if (!check(fd[0], exited, CLD_EXITED, 73) || !check(fd[1], killed, CLD_KILLED, SIGKILL))
		return 1;
	if (syscall(SYS_pidfd_send_signal, fd[0], 0, NULL, 0) != -1 || errno != ESRCH)
		return fail("it is not reaped");
	return pass();
}
