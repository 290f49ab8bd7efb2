// SPDX-License-Identifier: GPL-2.0-only
/* What a main thread ended with stays, and so do its name and user; whether it or the last
 * thread says how the process ends is the kernel's choice. One such process is stopped. */
#include "zdtmtst.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS 37

static void *last_thread(void *arg)
{
	wait_for_state(getpid(), 'Z');
	must(prctl(PR_SET_NAME, "last"));
	ready_report(arg);
	test_waitsig();
	syscall(SYS_exit, 1);
	return NULL;
}

static int child(void *arg)
{
	pthread_t thread;

	must0(pthread_create(&thread, NULL, last_thread, arg));
	must(prctl(PR_SET_NAME, "first"));
	must(syscall(SYS_setresuid, 65534, 65533, 65532));
	syscall(SYS_exit, STATUS);
	return 0;
}

/* Field 52 of stat, the last one. */
static int leader_status(pid_t pid)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, pid);
	file_read_text(path, text, sizeof(text));
	return atoi(strrchr(text, ' '));
}

static bool name_is(pid_t pid, const char *wanted)
{
	char path[64], text[64];
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	len = file_read_text(path, text, sizeof(text));
	return len && !strncmp(text, wanted, strlen(wanted));
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t runs, stops, model;
	int status, wanted;

	test_init(argc, argv);
	ready_init(&ready);
	runs = test_child(child, &ready);
	stops = test_child(child, &ready);
	model = test_child(child, &ready);
	ready_collect(&ready, 3);
	must(kill(model, SIGTERM));
	must(waitpid(model, &wanted, 0));
	must(kill(stops, SIGSTOP));
	must(waitpid(stops, &status, WUNTRACED));
	test_daemon();
	test_waitsig();

	if (!name_is(runs, "first"))
		fail("its name is different");
	if (leader_status(runs) != STATUS << 8)
		fail("its main thread ended with %#x", leader_status(runs));
	must(kill(runs, SIGTERM));
	must(waitpid(runs, &status, 0));
	if (status != wanted)
		fail("the child that runs: %#x instead of %#x", status, wanted);
	must(kill(stops, SIGTERM));
	must(kill(stops, SIGCONT));
	must(waitpid(stops, &status, 0));
	if (status != wanted)
		fail("the child that was stopped: %#x instead of %#x", status, wanted);
	return pass();
}
