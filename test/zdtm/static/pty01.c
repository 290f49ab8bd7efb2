// SPDX-License-Identifier: GPL-2.0-only
/* A session on a pty: who has the foreground, /dev/tty, keys that are signals. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ptys.h"

static struct pty_pair pty;
static struct ready ready;
static struct steps *steps;
static volatile sig_atomic_t interrupted;

enum { GROUPS_ARE_SET = 1, MEMBER_IS_READY, KEY_IS_PRESSED };

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* In the foreground. */
static int member(void *arg)
{
	struct sigaction sa = { .sa_handler = on_interrupt };
	int tty;

	(void)arg;
	steps_wait(steps, GROUPS_ARE_SET);
	must(sigaction(SIGINT, &sa, NULL));
	tty = (int)must(open("/dev/tty", O_RDWR | O_CLOEXEC));
	ready_report(&ready);
	test_waitsig();
	expect(tcgetpgrp(tty) == getpid(), "group %d has the foreground", tcgetpgrp(tty));
	expect(tcgetsid(tty) == getppid(), "session %d has the terminal", tcgetsid(tty));
	must(close(must(open("/dev/tty", O_RDWR))));
	pty_type(tty, "member");
	steps_reach(steps, MEMBER_IS_READY);
	steps_wait(steps, KEY_IS_PRESSED);
	while (!interrupted)
		usleep(1000);
	return 0;
}

static int leader(void *arg)
{
	pid_t pid;

	(void)arg;
	must(setsid());
	must(ioctl(pty.slave, TIOCSCTTY, 0));
	must(signal(SIGTTOU, SIG_IGN) == SIG_ERR ? -1 : 0);
	pid = test_child(member, NULL);
	must(setpgid(pid, pid));
	must(tcsetpgrp(pty.slave, pid));
	steps_reach(steps, GROUPS_ARE_SET);
	ready_report(&ready);
	test_waitsig();
	expect(tcgetsid(pty.slave) == getpid(), "session %d has the terminal", tcgetsid(pty.slave));
	expect(tcgetpgrp(pty.slave) == pid, "group %d has the foreground", tcgetpgrp(pty.slave));
	must(close(must(open("/dev/tty", O_RDWR))));
	expect(test_stop(pid, "member"), "the member is not well");
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	steps = steps_new();
	ready_init(&ready);
	pty_make(&pty);
	pid = test_child(leader, NULL);
	ready_collect(&ready, 2);
	test_daemon();
	test_waitsig();

	must(kill(pid, SIGTERM));
	steps_wait(steps, MEMBER_IS_READY);
	pty_reads(pty.master, "member", "what the member wrote");
	pty_type(pty.master, "\003");
	steps_reach(steps, KEY_IS_PRESSED);
	if (!test_reap(pid, "leader"))
		fail("the leader is not well");
	if (open("/dev/tty", O_RDWR) >= 0)
		fail("the root has a terminal");
	return pass();
}
