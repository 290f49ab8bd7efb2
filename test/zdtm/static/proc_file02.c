// SPDX-License-Identifier: GPL-2.0-only
/* Files of /proc/PID/task/TID, of a thread of its own, and of its parent's. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct steps *steps;
static struct ready ready;
static pid_t tid;
static int status, comm, dir;

static void *lives(void *arg)
{
	tid = gettid_raw();
	steps_reach(steps, 1);
	steps_wait(steps, 2);
	return arg;
}

static int open_of(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", getpid(), tid, name);
	return (int)must(open(path, flags));
}

/* The number behind "Pid:" in a status file. */
static int pid_in(int fd)
{
	char text[4096];
	ssize_t n = must(pread(fd, text, sizeof(text) - 1, 0));
	const char *at;

	text[n] = '\0';
	at = strstr(text, "\nPid:");
	return at ? atoi(at + strlen("\nPid:")) : -1;
}

static int child(void *arg)
{
	(void)arg;
	ready_report(&ready);
	test_waitsig();
	expect(pid_in(status) == tid, "the child reads of %d", pid_in(status));
	must(lseek(status, 7, SEEK_SET));
	return 0;
}

int main(int argc, char **argv)
{
	char byte, name[16] = "";
	pthread_t thread;
	pid_t pid;
	int at;

	test_init(argc, argv);
	steps = steps_new();
	ready_init(&ready);
	thread = test_thread(lives, NULL);
	steps_wait(steps, 1);
	status = open_of("status", O_RDONLY);
	must(read(status, &byte, 1));
	comm = open_of("comm", O_RDWR | O_CLOEXEC);
	dir = open_of("", O_RDONLY | O_DIRECTORY);
	pid = test_child(child, NULL);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (lseek(status, 0, SEEK_CUR) != 1 || pid_in(status) != tid)
		fail("status: of %d, at %lld", pid_in(status),
		     (long long)lseek(status, 0, SEEK_CUR));
	if (write(comm, "renamed", 7) != 7 || fcntl(comm, F_GETFD) != FD_CLOEXEC)
		fail("comm cannot be written to");
	at = openat(dir, "comm", O_RDONLY);
	if (at < 0 || read(at, name, sizeof(name) - 1) < 7 || strncmp(name, "renamed\n", 8) != 0)
		fail("its name is %s", name);
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	if (lseek(status, 0, SEEK_CUR) != 7)
		fail("the child had another file");
	steps_reach(steps, 2);
	must0(pthread_join(thread, NULL));
	return pass();
}
