// SPDX-License-Identifier: GPL-2.0-only
/* The main thread has ended; the others, its child and its memory go on. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES 100000

static pid_t main_tid;
static uint32_t over;
static uint8_t *data;
static pthread_t worker;
static int pipes[2];

static void *worker_fn(void *arg)
{
	futex_wait_change(&over, 0);
	return arg;
}

static int child(void *arg)
{
	(void)arg;
	test_waitsig();
	expect(getppid() == main_tid, "the parent is %d", getppid());
	return 0;
}

static void *heir(void *arg)
{
	pid_t pid = (pid_t)(intptr_t)arg;
	sigset_t set;
	void *ret;
	char byte;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	must0(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	wait_for_state(main_tid, 'Z');
	test_daemon();
	test_waitsig();

	if (getpid() != main_tid || gettid_raw() == main_tid)
		fail("pid %d, tid %d", getpid(), gettid_raw());
	wait_for_state(main_tid, 'Z');
	if (datachk(data, BYTES, 7) != BYTES)
		fail("the memory is different");
	if (read(pipes[0], &byte, 1) != 1 || byte != 'p')
		fail("the pipe is different");
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(worker, &ret));
	if (ret != (void *)17)
		fail("the other thread returned %p", ret);
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	_exit(pass());
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	main_tid = getpid();
	data = map_anon(BYTES, PROT_READ | PROT_WRITE, 0);
	datagen(data, BYTES, 7);
	must(pipe(pipes));
	must(write(pipes[1], "p", 1));
	pid = test_child(child, NULL);
	worker = test_thread(worker_fn, (void *)17);
	test_thread(heir, (void *)(intptr_t)pid);
	pthread_exit(NULL);
}
