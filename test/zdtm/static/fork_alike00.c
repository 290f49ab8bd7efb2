// SPDX-License-Identifier: GPL-2.0-only
/* Children that are next to all as their parent is, each different from it in one thing; one has
 * ended. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (16 * 4096)

static char *filename;
TEST_OPTION(filename, string, "file to use", true);

/* A restore makes those that differ in more than they lack before the others: so all of that sort
 * come first, or it would have to make all of them in that way, to keep them in their order. */
enum sort {
	SAME,
	MOVED,
	UMASK,
	OPENS,
	FORKS,
	LEADS,
	JOINS,
	SAME_AGAIN,
	CLOSED,
	CLOEXEC,
	NOTHING,
	WRITES,
	MAPS,
	THREAD,
	SORTS
};

static struct ready ready;
static int file, pipes[2], counter;
static pid_t leader;
static uint8_t *area, *mapped; /* anonymous; of the file, shared */

static void *thread(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int other(void *arg)
{
	(void)arg;
	ready_report(&ready);
	test_waitsig();
	expect(is_open(file) && is_open(pipes[0]) && is_open(counter), "the last lacks a file");
	return datachk(area, SIZE, 1) == SIZE ? 0 : 1;
}

/* Returns what it has of its own, which is looked at afterwards. */
static long differ(enum sort sort)
{
	pthread_t t;

	switch (sort) {
	case CLOSED:
		return must(close(pipes[0]));
	case CLOEXEC:
		return must(fcntl(file, F_SETFD, FD_CLOEXEC));
	case MOVED:
		return must(dup2(counter, 77));
	case NOTHING:
		must(close(file));
		must(close(pipes[0]));
		must(close(pipes[1]));
		return must(close(counter));
	case WRITES:
		datagen(area + SIZE / 2, SIZE / 4, 3);
		return 0;
	case MAPS:
		return (long)map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	case THREAD:
		must0(pthread_create(&t, NULL, thread, NULL));
		return 0;
	case UMASK:
		return (long)umask(0123);
	case OPENS:
		return must(open("/dev/zero", O_RDONLY));
	case FORKS:
		return test_child(other, NULL);
	case LEADS:
		return must(setpgid(0, 0));
	case JOINS:
		return must(setpgid(0, leader));
	default:
		return 0;
	}
}

static void look(enum sort sort, long own)
{
	bool has_none = sort == NOTHING;
	uint8_t byte;

	expect(is_open(file) == !has_none, "%d: the file", (int)sort);
	expect(is_open(pipes[0]) == (!has_none && sort != CLOSED), "%d: the pipe", (int)sort);
	expect(is_open(counter) == !has_none, "%d: the eventfd", (int)sort);
	expect(is_open(77) == (sort == MOVED), "%d: fd 77", (int)sort);
	expect(has_none || fcntl(file, F_GETFD) == (sort == CLOEXEC ? FD_CLOEXEC : 0),
	       "%d: close-on-exec", (int)sort);
	expect((sort == UMASK) == (umask(0) == 0123), "%d: umask", (int)sort);
	expect(sort != OPENS || read((int)own, &byte, 1) == 1, "%d: its own file", (int)sort);
	expect(sort != MAPS || *(uint8_t *)own == 0, "%d: its own mapping", (int)sort);
	expect(datachk(area, SIZE / 2, 1) == SIZE / 2, "%d: what is shared", (int)sort);
	expect(sort != WRITES || datachk(area + SIZE / 2, SIZE / 4, 3) == SIZE / 4, "%d: its pages",
	       (int)sort);
	expect(getpgrp() == (sort == LEADS   ? getpid()
			     : sort == JOINS ? leader
					     : getpgid(getppid())),
	       "%d: the group", (int)sort);
	expect(mapped[50] == 7, "%d: the mapping of the file", (int)sort);
	expect(has_none || lseek(file, 0, SEEK_CUR) == 44, "%d: the position", (int)sort);
}

static int child(void *arg)
{
	enum sort sort = *(enum sort *)arg;
	long own = differ(sort);

	ready_report(&ready);
	test_waitsig();
	look(sort, own);
	return sort != FORKS || test_stop((pid_t)own, "the last") ? 0 : 1;
}

static int dead(void *arg)
{
	(void)arg;
	return 0;
}

/* Their numbers, in the order that the kernel has them in. */
static void children_read(char *ret, size_t size)
{
	int fd = (int)must(open("/proc/thread-self/children", O_RDONLY));

	ret[must(read(fd, ret, size - 1))] = '\0';
	must(close(fd));
}

int main(int argc, char **argv)
{
	char children[256], now[256];
	pid_t pids[SORTS], zombie;
	siginfo_t info;

	test_init(argc, argv);
	file = file_make(filename, 100, 1);
	must(pipe(pipes));
	counter = (int)must(eventfd(5, 0));
	area = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	datagen(area, SIZE, 1);
	mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	must((long)mapped);
	mapped[50] = 7;
	ready_init(&ready);
	zombie = test_child(dead, NULL);
	must(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT));
	for (enum sort sort = SAME; sort < SORTS; sort++) {
		pids[sort] = test_child(child, &sort);
		if (sort == LEADS) {
			leader = pids[sort];
			must(setpgid(leader, leader));
		}
	}
	ready_collect(&ready, SORTS + 1);
	children_read(children, sizeof(children));
	test_daemon();
	test_waitsig();
	children_read(now, sizeof(now));
	expect(!strcmp(now, children), "children are %s, were %s", now, children);

	must(lseek(file, 44, SEEK_SET));
	for (enum sort sort = SAME; sort < SORTS; sort++)
		if (!test_stop(pids[sort], "child"))
			return fail("child %d is another", (int)sort);
	return test_reap(zombie, "the dead") ? pass() : fail("who was dead is another");
}
