// SPDX-License-Identifier: GPL-2.0-only
/* The main thread has ended, and nobody may end in that way since: a filter forbids exit(2). */
#include "filters.h"
#include "zdtmtst.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *heir(void *arg)
{
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	must0(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	wait_for_state(getpid(), 'Z');
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(filter_add(SYS_exit, SECCOMP_RET_KILL_PROCESS, 0));
	must(filter_add(SYS_getpriority, SECCOMP_RET_ERRNO | EDOM, 0));
	test_daemon();
	test_waitsig();

	errno = 0;
	if (syscall(SYS_getpriority, 0, 0) >= 0 || errno != EDOM)
		fail("the filters are gone: errno %d", errno);
	_exit(pass());
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	test_thread(heir, NULL);
	syscall(SYS_exit, 0);
	return 1;
}
