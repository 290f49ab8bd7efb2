// SPDX-License-Identifier: GPL-2.0-only
/* A child stopped by SIGSTOP, of which the parent knows, stays stopped until SIGCONT. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile uint64_t *ticks;

static int child(void *arg)
{
	ready_report(arg);
	while (test_go())
		(*ticks)++;
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	uint64_t before;
	int status;
	pid_t pid;

	test_init(argc, argv);
	ticks = map_anon(4096, PROT_READ | PROT_WRITE, MAP_SHARED);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	must(kill(pid, SIGSTOP));
	must(waitpid(pid, &status, WUNTRACED));
	before = *ticks;
	test_daemon();
	test_waitsig();

	if (*ticks != before)
		fail("the child has run for %lu ticks", (unsigned long)(*ticks - before));
	if (waitpid(pid, &status, WNOHANG | WUNTRACED | WCONTINUED))
		fail("the stop is reported a second time, status %#x", status);
	must(kill(pid, SIGCONT));
	must(waitpid(pid, &status, WCONTINUED));
	if (!WIFCONTINUED(status))
		return fail("wait status %#x instead of a continued child", status);
	if (!test_stop(pid, "child"))
		return fail("the child is not well");
	return pass();
}
