// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings of io_uring that have given more results than they have taken requests, some of which
 * nobody has reaped, go on from there.
 */
#include "zdtmtst.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rings.h"

#define DEFER (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

enum { POLL = 1, REMOVE = 2, EVENTS = 300, LEFT = 5 };

static unsigned int reap(struct ring *r)
{
	unsigned int nr = 0;

	for (; ring_result(r); nr++)
		ring_seen(r);
	return nr;
}

/* One request that is told of each write to an eventfd, until it is removed. */
static void many_results(struct ring *r)
{
	int event = (int)must(eventfd(0, 0));
	const uint64_t one = 1;
	struct io_uring_sqe *sqe = ring_next(r, IORING_OP_POLL_ADD, POLL);

	sqe->fd = event;
	sqe->len = IORING_POLL_ADD_MULTI;
	sqe->poll32_events = POLLIN;
	ring_flush(r);
	expect(ring_enter(r, 1, 0) == 1, "io_uring_enter");
	for (int i = 0; i < EVENTS; i++) {
		must(write(event, &one, sizeof(one)));
		must(ring_enter(r, 0, 1));
		reap(r);
	}
	sqe = ring_next(r, IORING_OP_POLL_REMOVE, REMOVE);
	sqe->addr = POLL;
	ring_flush(r);
	expect(ring_enter(r, 1, 2) == 1, "io_uring_enter");
	expect(reap(r) == 2, "the end of the poll");
	close(event);
	for (uint64_t i = 0; i < LEFT; i++)
		ring_next(r, IORING_OP_NOP, 100 + i);
	ring_flush(r);
	expect(ring_enter(r, LEFT, LEFT) == LEFT, "io_uring_enter");
}

static int check(struct ring *r)
{
	if (ring_word(r, r->p.sq_off.head) != 2 + LEFT)
		return fail("the kernel is at request %u", ring_word(r, r->p.sq_off.head));
	if (ring_word(r, r->p.cq_off.tail) != EVENTS + 2 + LEFT)
		return fail("the kernel is at result %u", ring_word(r, r->p.cq_off.tail));
	for (uint64_t i = 0; i < LEFT; i++) {
		const struct io_uring_cqe *cqe = ring_result(r);

		if (!cqe || cqe->user_data != 100 + i)
			return fail("result %llu", (unsigned long long)i);
		ring_seen(r);
	}
	for (unsigned int i = 0; i < 100; i++)
		if (!ring_works(r, i))
			return fail("request %u", i);
	return 0;
}

int main(int argc, char **argv)
{
	struct ring plain, deferred;

	test_init(argc, argv);
	ring_make(&plain, 8, 0);
	ring_make(&deferred, 16, DEFER);
	many_results(&plain);
	many_results(&deferred);
	test_daemon();
	test_waitsig();

	return check(&plain) || check(&deferred) ? 1 : pass();
}
