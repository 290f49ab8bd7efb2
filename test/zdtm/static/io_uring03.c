// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is registered with a ring of io_uring is still registered: files and buffers with gaps
 * between them, an eventfd, limits of workers, which file slots are given out; and the ring itself,
 * by other numbers, with two threads.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "rings.h"

#define BYTES         8192
#define BY_NUMBER     (1u << 4) /* IORING_ENTER_REGISTERED_RING */
#define ALLOC_FILE    UINT32_MAX /* IORING_FILE_INDEX_ALLOC */
#define INDEX_MAIN    5
#define INDEX_OTHER   11
#define FILES         8
#define FILE_SLOT     1
#define ALLOC_FIRST   4
#define BUFFERS       4
#define BUFFER_SLOT   2
#define WORKERS_BOUND 3

static struct ring r, other;
static char *filename;
TEST_OPTION(filename, string, "file name", true);

static void reg(unsigned int op, const void *arg, unsigned int nr)
{
	if (syscall(SYS_io_uring_register, r.fd, op, arg, nr) < 0) {
		pr_perror("io_uring_register %u", op);
		exit(1);
	}
}

static void number_register(uint32_t index)
{
	struct io_uring_rsrc_update u = { .offset = index, .data = (uint32_t)r.fd };

	must(syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_RING_FDS, &u, 1));
}

static int number_works(unsigned int index, uint64_t user_data)
{
	const struct io_uring_cqe *cqe;

	ring_next(&r, IORING_OP_NOP, user_data);
	ring_flush(&r);
	if (syscall(SYS_io_uring_enter, index, 1, 1, IORING_ENTER_GETEVENTS | BY_NUMBER, NULL, 0) !=
	    1)
		return fail("by number %u: %m", index);
	cqe = ring_result(&r);
	if (!cqe || cqe->user_data != user_data)
		return fail("by number %u: another result", index);
	ring_seen(&r);
	return 0;
}

static struct steps *steps;

static void *thread_run(void *arg)
{
	number_register(INDEX_OTHER);
	steps_reach(steps, 1);
	steps_wait(steps, 2);
	if (number_works(INDEX_OTHER, 900))
		return arg;
	return NULL;
}

static int fixed_read(char *buf)
{
	struct io_uring_sqe *sqe = ring_next(&r, IORING_OP_READ_FIXED, 17);
	const struct io_uring_cqe *cqe;
	int res;

	sqe->flags = IOSQE_FIXED_FILE;
	sqe->fd = FILE_SLOT;
	sqe->addr = (uintptr_t)buf + 100;
	sqe->len = 5;
	sqe->buf_index = BUFFER_SLOT;
	ring_flush(&r);
	if (ring_enter(&r, 1, 1) != 1)
		return fail("io_uring_enter: %m");
	cqe = ring_result(&r);
	res = cqe ? cqe->res : -1;
	ring_seen(&r);
	if (res != 5 || memcmp(buf + 99, "\0hello", 6))
		return fail("registered file into registered buffer: %d", res);
	return 0;
}

/* A file is opened into the first slot that is free, of those that are given out. */
static int slot_given(void)
{
	struct io_uring_sqe *sqe = ring_next(&r, IORING_OP_OPENAT, 18);
	const struct io_uring_cqe *cqe;
	int res;

	sqe->fd = AT_FDCWD;
	sqe->addr = (uintptr_t) "/dev/null";
	sqe->file_index = ALLOC_FILE;
	ring_flush(&r);
	if (ring_enter(&r, 1, 1) != 1)
		return fail("io_uring_enter: %m");
	cqe = ring_result(&r);
	res = cqe ? cqe->res : -1;
	ring_seen(&r);
	return res == ALLOC_FIRST ? 0 : fail("slot %d was given out", res);
}

static int workers_check(void)
{
	uint32_t workers[2] = { 0, 0 };

	reg(IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2);
	return workers[0] == WORKERS_BOUND ? 0 : fail("%u workers, %u", workers[0], workers[1]);
}

static int event_check(int fd)
{
	uint64_t count = 0;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return fail("the eventfd was not told: %m");
	return 0;
}

int main(int argc, char **argv)
{
	int files[FILES], fd, event;
	struct iovec iov[BUFFERS] = { { NULL, 0 } };
	struct io_uring_rsrc_register bufs = { .nr = BUFFERS, .data = (uintptr_t)iov };
	uint32_t workers[2] = { WORKERS_BOUND, 0 };
	struct io_uring_file_index_range range = { .off = ALLOC_FIRST, .len = 2 };
	char *buf;
	pthread_t thread;
	void *bad;

	test_init(argc, argv);
	steps = steps_new();
	fd = (int)must(open(filename, O_RDWR | O_CREAT, 0600));
	must(pwrite(fd, "hello", 5, 0));
	event = (int)must(eventfd(0, EFD_NONBLOCK));
	buf = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(buf == MAP_FAILED ? -1 : 0);
	ring_make(&other, 4, 0);
	ring_make(&r, 8, 0);
	memset(files, 0xff, sizeof(files));
	files[FILE_SLOT] = fd;
	reg(IORING_REGISTER_FILES, files, FILES);
	reg(IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0);
	iov[BUFFER_SLOT] = (struct iovec){ buf, BYTES };
	reg(IORING_REGISTER_BUFFERS2, &bufs, sizeof(bufs));
	reg(IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2);
	ring_use(&r, 21);
	reg(IORING_REGISTER_EVENTFD, &event, 1);
	number_register(INDEX_MAIN);
	thread = test_thread(thread_run, buf);
	steps_wait(steps, 1);
	test_daemon();
	test_waitsig();

	if (fixed_read(buf) || event_check(event) || slot_given() || workers_check() ||
	    number_works(INDEX_MAIN, 800))
		return 1;
	steps_reach(steps, 2);
	must0(pthread_join(thread, &bad));
	if (bad)
		return 1;
	return ring_works(&other, 1) ? pass() : fail("the other ring");
}
