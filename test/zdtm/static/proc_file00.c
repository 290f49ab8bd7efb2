// SPDX-License-Identifier: GPL-2.0-only
/* Files and directories of /proc/PID: of the process itself, its child and parent, a zombie. */
#include "zdtmtst.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ready ready;

/* The number behind "Pid:" in a status file, read from its start. */
static int pid_in(int fd)
{
	char text[4096];
	ssize_t n = must(pread(fd, text, sizeof(text) - 1, 0));
	const char *at;

	text[n] = '\0';
	at = strstr(text, "\nPid:");
	return at ? atoi(at + strlen("\nPid:")) : -1;
}

static int open_of(pid_t pid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return (int)must(open(path, flags));
}

static int child(void *arg)
{
	int parent = open_of(getppid(), "status", O_RDONLY);

	(void)arg;
	ready_report(&ready);
	test_waitsig();
	expect(pid_in(parent) == getppid(), "the parent is %d", pid_in(parent));
	return 0;
}

static int end(void *arg)
{
	(void)arg;
	return 0;
}

int main(int argc, char **argv)
{
	int own, others, dead, maps, dir, comm, mem;
	char text[64] = "", *page;
	pid_t pid, zombie;
	struct dirent *de;
	siginfo_t info;
	DIR *list;

	test_init(argc, argv);
	ready_init(&ready);
	page = map_anon(4096, PROT_READ | PROT_WRITE, 0);
	strcpy(page, "in the page");
	pid = test_child(child, NULL);
	zombie = test_child(end, NULL);
	must(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT));
	ready_collect(&ready, 1);
	own = open_of(getpid(), "status", O_RDONLY);
	others = open_of(pid, "status", O_RDONLY);
	dead = open_of(zombie, "status", O_RDONLY);
	maps = open_of(getpid(), "maps", O_RDONLY);
	mem = open_of(getpid(), "mem", O_RDONLY);
	comm = open_of(getpid(), "comm", O_RDWR);
	dir = open_of(getpid(), "task", O_RDONLY | O_DIRECTORY);
	must(read(own, text, 20));
	test_daemon();
	test_waitsig();

	if (must(lseek(own, 0, SEEK_CUR)) != 20)
		fail("position %ld", (long)lseek(own, 0, SEEK_CUR));
	if (pid_in(own) != getpid() || pid_in(others) != pid || pid_in(dead) != zombie)
		fail("of %d, %d, %d", pid_in(own), pid_in(others), pid_in(dead));
	if (must(read(maps, text, sizeof(text))) <= 0)
		fail("there are no mappings");
	memset(text, 0, sizeof(text));
	must(pread(mem, text, 12, (off_t)(uintptr_t)page));
	if (strcmp(text, "in the page") != 0)
		fail("memory: %s", text);
	must(write(comm, "other", 5));
	must(prctl(PR_GET_NAME, text));
	if (strcmp(text, "other") != 0)
		fail("name: %s", text);
	list = fdopendir(dir);
	while ((de = readdir(list)) && de->d_name[0] == '.')
		;
	if (!de || atoi(de->d_name) != getpid())
		fail("threads: %s", de ? de->d_name : "none");
	must(waitpid(zombie, NULL, 0));
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	return pass();
}
