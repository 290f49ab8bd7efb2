// SPDX-License-Identifier: GPL-2.0-only
/* Several zombies of a parent that is not the root, with exit codes and signals. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	int code, sig;
} ends[] = { { 0, 0 }, { 1, 0 }, { 255, 0 }, { 0, SIGSEGV }, { 0, 64 }, { 42, 0 } };

static int end(void *arg)
{
	size_t i = *(size_t *)arg;
	const struct rlimit no_core = { 0, 0 };

	must(setrlimit(RLIMIT_CORE, &no_core));
	if (ends[i].sig) {
		must(signal(ends[i].sig, SIG_DFL));
		must(raise(ends[i].sig));
	}
	return ends[i].code;
}

static int child(void *arg)
{
	pid_t pids[ARRAY_SIZE(ends)];
	siginfo_t info;
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		pids[i] = (pid_t)must(fork());
		if (!pids[i])
			_exit(end(&i));
		must(waitid(P_PID, (id_t)pids[i], &info, WEXITED | WNOWAIT));
	}
	ready_report(arg);
	test_waitsig();
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		must(waitpid(pids[i], &status, WNOHANG));
		if (ends[i].sig)
			expect(test_signaled(status, ends[i].sig, "zombie"), "zombie %zu", i);
		else
			expect(test_exited(status, ends[i].code, "zombie"), "zombie %zu", i);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = (pid_t)must(fork());
	if (!pid)
		_exit(child(&ready));
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();
	if (!test_stop(pid, "the parent of the zombies"))
		return fail("a zombie is not what it was");
	return pass();
}
