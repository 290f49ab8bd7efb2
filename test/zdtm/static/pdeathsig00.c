// SPDX-License-Identifier: GPL-2.0-only
/* The signal that a process gets when its parent dies. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ready ready;
static uint32_t told;

static void on_death(int sig)
{
	(void)sig;
	told = 1;
	futex_wake_all(&told);
}

static int orphan(void *arg)
{
	int sig = 0;

	(void)arg;
	must(signal(SIGUSR1, on_death) == SIG_ERR ? -1 : 0);
	must(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	ready_report(&ready);
	futex_wait_change(&told, 0); /* the runner's time limit says when it never comes */
	must(prctl(PR_GET_PDEATHSIG, &sig));
	return sig == SIGUSR1 ? 0 : 2;
}

static int middle(void *arg)
{
	pid_t *pid = arg;

	*pid = test_child(orphan, NULL);
	ready_report(&ready);
	test_waitsig();
	return told ? 1 : 0;
}

int main(int argc, char **argv)
{
	pid_t *orphan_pid, pid;

	test_init(argc, argv);
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	orphan_pid = map_anon(4096, PROT_READ | PROT_WRITE, MAP_SHARED);
	ready_init(&ready);
	pid = test_child(middle, orphan_pid);
	ready_collect(&ready, 2);
	test_daemon();
	test_waitsig();

	if (!test_stop(pid, "middle") || !test_reap(*orphan_pid, "orphan"))
		return fail("the death signal is not what it was");
	return pass();
}
