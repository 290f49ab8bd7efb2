// SPDX-License-Identifier: GPL-2.0-only
/* A robust mutex whose owner dies after the restore: the next one hears of it. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t *mutex;

static int child(void *arg)
{
	must0(pthread_mutex_lock(mutex));
	ready_report(arg);
	pause();
	return 1;
}

int main(int argc, char **argv)
{
	pthread_mutexattr_t attr;
	struct ready ready;
	int status, error;
	pid_t pid;

	test_init(argc, argv);
	mutex = map_anon(4096, PROT_READ | PROT_WRITE, MAP_SHARED);
	must0(pthread_mutexattr_init(&attr));
	must0(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	must0(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	must0(pthread_mutex_init(mutex, &attr));
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	error = pthread_mutex_trylock(mutex);
	if (error != EBUSY)
		return fail("the mutex is not held: %s", strerror(error));
	must(kill(pid, SIGKILL));
	must(waitpid(pid, &status, 0));
	error = pthread_mutex_trylock(mutex);
	if (error != EOWNERDEAD)
		return fail("after the owner's death: %s", strerror(error));
	must0(pthread_mutex_consistent(mutex));
	must0(pthread_mutex_unlock(mutex));
	return pass();
}
