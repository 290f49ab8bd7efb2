// SPDX-License-Identifier: GPL-2.0-only
/* Asynchronous I/O: contexts with events that nobody has reaped yet, once around the ring. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CONTEXTS 4
#define BYTES    512

static char *filename;
TEST_OPTION(filename, string, "file to read", true);

struct ring {
	uint32_t id, nr, head, tail, magic, compat, incompat, header_length;
	struct io_event event[];
};

static aio_context_t ctx[CONTEXTS];
static char buf[BYTES];
static int file;

static struct ring *ring_of(int i)
{
	return (struct ring *)ctx[i];
}

static bool submit(int i, uint64_t data)
{
	struct iocb cb = { .aio_data = data,
			   .aio_lio_opcode = IOCB_CMD_PREAD,
			   .aio_fildes = (uint32_t)file,
			   .aio_buf = (uintptr_t)buf,
			   .aio_nbytes = data % BYTES };
	struct iocb *list = &cb;

	return syscall(SYS_io_submit, ctx[i], 1, &list) == 1;
}

/* The next event is that of the request with this number. */
static bool reap(int i, uint64_t data)
{
	struct timespec now = { 0, 0 };
	struct io_event e;

	return syscall(SYS_io_getevents, ctx[i], 0, 1, &e, &now) == 1 && e.data == data &&
	       e.res == (int64_t)(data % BYTES) && datachk(buf, data % BYTES, 1) == data % BYTES;
}

static void turn(int i, uint64_t from, uint64_t to)
{
	for (; from < to; from++) {
		expect(submit(i, from), "context %d: request %d is not taken", i, (int)from);
		expect(reap(i, from), "context %d: event %d does not come", i, (int)from);
	}
}

/* So many that nobody has reaped; and then so many more fit in, and no more than that. */
static bool check(int i, uint64_t from, uint64_t pending)
{
	uint64_t nr = ring_of(i)->nr, next = from + pending;

	/* Some may wait on other processors to be used there. */
	while (next < from + nr && submit(i, next))
		next++;
	if (next == from + nr || next < from + pending + (nr - pending) / 2)
		return fail("context %d: %d requests fit, %d are waiting, its size is %d", i,
			    (int)(next - from), (int)pending, (int)nr),
		       false;
	for (; from < next; from++)
		if (!reap(i, from))
			return fail("context %d: event %d is missing", i, (int)from), false;
	return !reap(i, next);
}

int main(int argc, char **argv)
{
	struct ring *was[CONTEXTS];

	test_init(argc, argv);
	file = file_make(filename, BYTES, 1);
	for (int i = 0; i < CONTEXTS; i++)
		must(syscall(SYS_io_setup, i == 3 ? 1000 : 10, &ctx[i]));
	must(syscall(SYS_io_destroy, ctx[1])); /* its index is free */
	turn(0, 0, 5);
	turn(2, 0, ring_of(2)->nr - 3);
	for (uint64_t n = 0; n < 7; n++) {
		submit(0, 5 + n);
		submit(2, ring_of(2)->nr - 3 + n);
	}
	for (int i = 0; i < CONTEXTS; i++) {
		size_t size = sizeof(struct ring) + sizeof(struct io_event) * 16;

		was[i] = malloc(size);
		if (i != 1)
			memcpy(was[i], ring_of(i), size);
	}
	test_daemon();
	test_waitsig();

	for (int i = 0; i < CONTEXTS; i++)
		if (i != 1 && memcmp(was[i], ring_of(i),
				     sizeof(struct ring) + sizeof(struct io_event) * 16) != 0)
			return fail("context %d: the ring is different", i);
	if (!check(0, 5, 7) || !check(2, ring_of(2)->nr - 3, 7) || !check(3, 0, 0))
		return 1;
	for (int i = 0; i < CONTEXTS; i++)
		if (i != 1)
			must(syscall(SYS_io_destroy, ctx[i]));
	return pass();
}
