// SPDX-License-Identifier: GPL-2.0-only
/* read(2) from an empty pipe: the thread waits on, and gets what is written after the restore. */
#include "zdtmtst.h"

#include <sys/syscall.h>
#include <unistd.h>

static int fds[2];
static uint32_t tid;

static void *reader(void *arg)
{
	char *byte = arg;

	__atomic_store_n(&tid, (uint32_t)gettid_raw(), __ATOMIC_SEQ_CST);
	futex_wake_all(&tid);
	if (read(fds[0], byte, 1) != 1)
		pr_perror("read");
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char byte = 0;

	test_init(argc, argv);
	must(pipe(fds));
	thread = test_thread(reader, &byte);
	futex_wait_change(&tid, 0);
	wait_in_syscall((pid_t)tid, SYS_read);
	test_daemon();
	test_waitsig();

	must(write(fds[1], "x", 1));
	must0(pthread_join(thread, NULL));
	if (byte != 'x')
		return fail("the reader has got %#x", byte);
	return pass();
}
