// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is told of a message that comes (mq_notify): by a signal with its value, or not at all, and
 * whom the child is told for; a full queue that a process waits for, and an empty one.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VALUE ((void *)0x123456789abcul)

static mqd_t told, silent, full, of_child;
static struct steps *steps;
static uint32_t sender_tid;

static mqd_t queue_new(const char *what, long messages)
{
	struct mq_attr attr = { .mq_maxmsg = messages, .mq_msgsize = 16 };
	char name[64];
	mqd_t q;

	snprintf(name, sizeof(name), "/zdtm-mqueue01-%d-%s", (int)getpid(), what);
	q = (mqd_t)must(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr));
	must(mq_unlink(name));
	return q;
}

static void notify(mqd_t q, int how, void *value)
{
	struct sigevent event = { .sigev_notify = how, .sigev_signo = SIGRTMIN + 3 };

	event.sigev_value.sival_ptr = value;
	must(mq_notify(q, &event));
}

static bool is_told(void *value, pid_t by)
{
	const struct timespec none = { 0 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	if (sigtimedwait(&set, &info, &none) < 0)
		return false;
	if (info.si_code != SI_MESGQ || info.si_ptr != value || info.si_pid != by) {
		test_msg("code %d, value %p, from pid %d\n", info.si_code, info.si_ptr,
			 (int)info.si_pid);
		return false;
	}
	return true;
}

static int child(void *arg)
{
	(void)arg;
	notify(of_child, SIGEV_SIGNAL, VALUE + 1);
	steps_reach(steps, 1);
	test_waitsig();
	if (!is_told(VALUE + 1, getppid())) {
		test_msg("the child is not told\n");
		return 1;
	}
	return 0;
}

/* Waits until there is room. */
static void *sender(void *arg)
{
	__atomic_store_n(&sender_tid, (uint32_t)gettid(), __ATOMIC_RELEASE);
	futex_wake_all(&sender_tid);
	must(mq_send(full, arg, 6, 1));
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	unsigned int priority = 0;
	pthread_t waiting;
	char buf[16];
	sigset_t set;
	pid_t pid;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	told = queue_new("told", 2);
	silent = queue_new("silent", 2);
	full = queue_new("full", 1);
	of_child = queue_new("child", 2);
	must(mq_send(full, "there", 5, 0));
	notify(told, SIGEV_SIGNAL, VALUE);
	notify(silent, SIGEV_NONE, NULL);
	steps = steps_new();
	pid = (pid_t)must(test_child(child, NULL));
	steps_wait(steps, 1);
	waiting = test_thread(sender, "waited");
	futex_wait_change(&sender_tid, 0);
	wait_in_syscall((pid_t)sender_tid, SYS_mq_timedsend);
	test_daemon();
	test_waitsig();

	if (is_told(VALUE, getpid()))
		fail("told before anything has come");
	must(mq_send(of_child, "hello", 5, 0));
	if (!test_stop(pid, "the child"))
		fail("the child was not told");
	must(mq_send(told, "hello", 5, 0));
	if (!is_told(VALUE, getpid()))
		fail("not told of a message");
	must(mq_receive(told, buf, sizeof(buf), NULL));
	must(mq_send(told, "again", 5, 0));
	if (is_told(VALUE, getpid()))
		fail("told twice");
	if (mq_notify(silent, &event) == 0 || errno != EBUSY)
		fail("nobody is registered for the silent one");
	must(mq_notify(silent, NULL));
	if (mq_notify(silent, &event) != 0)
		fail("somebody else is registered for the silent one");
	if (mq_receive(full, buf, sizeof(buf), &priority) != 5 || priority != 0)
		fail("what was in the full queue is lost");
	must0(pthread_join(waiting, NULL));
	if (mq_receive(full, buf, sizeof(buf), &priority) != 6 || priority != 1)
		fail("what was waiting for room is lost");
	return pass();
}
