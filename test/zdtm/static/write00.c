// SPDX-License-Identifier: GPL-2.0-only
/* write(2) into a full pipe: the thread waits on, and its data arrives once, behind the rest. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fds[2];
static size_t size;
static uint32_t tid;
static uint8_t *data;

/* At most PIPE_BUF bytes: they are written all at once or not at all. */
static void *writer(void *arg)
{
	ssize_t written;

	(void)arg;
	__atomic_store_n(&tid, (uint32_t)gettid_raw(), __ATOMIC_SEQ_CST);
	futex_wake_all(&tid);
	written = write(fds[1], data + size, PIPE_BUF);
	if (written != PIPE_BUF)
		fail("write gives %zd: %s", written, strerror(errno));
	must(close(fds[1]));
	return NULL;
}

int main(int argc, char **argv)
{
	size_t got = 0, wanted;
	pthread_t thread;
	ssize_t part;

	test_init(argc, argv);
	must(pipe(fds));
	size = (size_t)must(fcntl(fds[1], F_GETPIPE_SZ));
	wanted = size + PIPE_BUF;
	data = map_anon(wanted, PROT_READ | PROT_WRITE, 0);
	datagen(data, wanted, 1);
	expect((size_t)must(write(fds[1], data, size)) == size, "the pipe is too small");
	thread = test_thread(writer, NULL);
	futex_wait_change(&tid, 0);
	wait_in_syscall((pid_t)tid, SYS_write);
	test_daemon();
	test_waitsig();

	memset(data, 0, size);
	while (got < wanted && (part = must(read(fds[0], data + got, wanted - got))))
		got += (size_t)part;
	must0(pthread_join(thread, NULL));
	if (got != wanted)
		return fail("%zu bytes instead of %zu", got, wanted);
	if (datachk(data, wanted, 1) != wanted)
		return fail("byte %zu is wrong", datachk(data, wanted, 1));
	if (must(read(fds[0], data, 1)))
		return fail("there is more than was written");
	return pass();
}
