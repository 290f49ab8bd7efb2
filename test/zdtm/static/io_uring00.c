// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring of io_uring goes on where it was: results that nobody has reaped, requests that are not
 * submitted, one that is still being written, and the numbers that the process has of all that. A
 * worker of the kernel, which some request has called for, is no thread of the process.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "rings.h"

enum { USED = 1000, LEFT = 3, WAITING = 2 };

static char *filename;
TEST_OPTION(filename, string, "file name", true);

/* It is handed to a worker, and waits for that. */
static void worker_call(struct ring *r)
{
	ring_next(r, IORING_OP_NOP, 1)->flags = IOSQE_ASYNC;
	ring_flush(r);
	expect(ring_enter(r, 1, 1) == 1, "io_uring_enter");
	ring_seen(r);
}

static int results_check(struct ring *r, uint64_t first, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		const struct io_uring_cqe *cqe = ring_result(r);

		if (!cqe)
			return fail("result %u of %u is not there", i, nr);
		if (cqe->user_data != first + i || cqe->res)
			return fail("result %u is %llu: %d", i, (unsigned long long)cqe->user_data,
				    cqe->res);
		ring_seen(r);
	}
	return ring_result(r) ? fail("there are more than %u results", nr) : 0;
}

static int file_read(struct ring *r, int fd)
{
	char text[8] = "";
	struct io_uring_sqe *sqe = ring_next(r, IORING_OP_READ, 77);
	const struct io_uring_cqe *cqe;

	sqe->fd = fd;
	sqe->addr = (uintptr_t)text;
	sqe->len = sizeof(text);
	ring_flush(r);
	if (ring_enter(r, 1, 1) != 1)
		return fail("io_uring_enter");
	cqe = ring_result(r);
	if (!cqe || cqe->user_data != 77 || cqe->res != 5 || strcmp(text, "hello"))
		return fail("read: %d, \"%s\"", cqe ? cqe->res : -1, text);
	ring_seen(r);
	return 0;
}

int main(int argc, char **argv)
{
	struct ring r;
	int fd;

	test_init(argc, argv);
	fd = (int)must(open(filename, O_RDWR | O_CREAT, 0600));
	must(write(fd, "hello", 5));
	lseek(fd, 0, SEEK_SET);
	ring_make(&r, 8, 0);
	ring_use(&r, USED);
	worker_call(&r);
	for (unsigned int i = 0; i < LEFT; i++)
		ring_next(&r, IORING_OP_NOP, 100 + i);
	ring_flush(&r);
	expect(ring_enter(&r, LEFT, 0) == LEFT, "io_uring_enter");
	for (unsigned int i = 0; i < WAITING; i++)
		ring_next(&r, IORING_OP_NOP, 200 + i);
	ring_flush(&r);
	ring_next(&r, IORING_OP_NOP, 200 + WAITING);
	test_daemon();
	test_waitsig();

	if (ring_word(&r, r.p.sq_off.head) != USED + 1 + LEFT)
		return fail("the kernel is at request %u", ring_word(&r, r.p.sq_off.head));
	if (results_check(&r, 100, LEFT))
		return 1;
	ring_flush(&r);
	if (ring_enter(&r, WAITING + 1, WAITING + 1) != WAITING + 1)
		return fail("requests that were not submitted");
	if (results_check(&r, 200, WAITING + 1) || file_read(&r, fd))
		return 1;
	for (unsigned int i = 0; i < 3 * r.p.cq_entries; i++)
		if (!ring_works(&r, i))
			return fail("request %u after that", i);
	return pass();
}
