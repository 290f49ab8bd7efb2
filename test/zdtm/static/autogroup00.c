// SPDX-License-Identifier: GPL-2.0-only
/* Nice values of sessions: the test's, a child's, and one whose leader is dead. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct ready ready;

static void set(const char *nice)
{
	int fd = (int)must(open("/proc/self/autogroup", O_WRONLY));

	must(write(fd, nice, strlen(nice)));
	must(close(fd));
}

static int get(void)
{
	char text[128];
	int nice = -100;

	file_read_text("/proc/self/autogroup", text, sizeof(text));
	sscanf(text, "/autogroup-%*d nice %d", &nice);
	return nice;
}

static int leader(void *arg)
{
	(void)arg;
	must(setsid());
	set("11");
	ready_report(&ready);
	test_waitsig();
	expect(get() == 11, "the child's session has nice %d", get());
	return 0;
}

static int usual(void *arg)
{
	(void)arg;
	must(setsid());
	ready_report(&ready);
	test_waitsig();
	expect(get() == 0, "the session without has nice %d", get());
	return 0;
}

static int orphan(void *arg)
{
	(void)arg;
	set("-3");
	ready_report(&ready);
	test_waitsig();
	expect(get() == -3, "the session of a dead leader has nice %d", get());
	return 0;
}

/* Leaves the session to its child. */
static int mortal(void *left)
{
	must(setsid());
	*(pid_t *)left = test_child(orphan, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid, other, dead, *left = map_anon(sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED);

	test_init(argc, argv);
	must(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	ready_init(&ready);
	pid = test_child(leader, NULL);
	other = test_child(usual, NULL);
	dead = test_child(mortal, left);
	expect(test_reap(dead, "the leader that dies"), "the leader that dies is not well");
	ready_collect(&ready, 3);
	set("5");
	test_daemon();
	test_waitsig();

	if (get() != 5)
		fail("the test's session has nice %d", get());
	if (!test_stop(pid, "child") || !test_stop(other, "child without") ||
	    !test_stop(*left, "orphan"))
		fail("a child is not well");
	return pass();
}
