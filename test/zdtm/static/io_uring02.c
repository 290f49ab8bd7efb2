// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring that a child has since fork: what one submits the other reaps. A child that has only the
 * mapping, and one that has only the descriptor; and a ring of the child's own.
 */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

#include "rings.h"

static struct ring shared;

static int child_both(void *arg)
{
	struct steps *steps = arg;
	struct ring own;

	ring_make(&own, 16, IORING_SETUP_SINGLE_ISSUER);
	ring_use(&own, 21);
	steps_reach(steps, 1);
	test_waitsig();
	expect(ring_works(&own, 4), "the ring of the child");
	ring_next(&shared, IORING_OP_NOP, 42);
	ring_flush(&shared);
	expect(ring_enter(&shared, 1, 0) == 1, "io_uring_enter by the child");
	return 0;
}

static int child_mapping(void *arg)
{
	close(shared.fd);
	steps_reach(arg, 2);
	test_waitsig();
	expect(ring_word(&shared, shared.p.sq_off.head) == 8, "it is another memory");
	return 0;
}

static int child_descriptor(void *arg)
{
	munmap(shared.rings, shared.rings_len);
	munmap(shared.sqes, shared.sqes_len);
	steps_reach(arg, 3);
	test_waitsig();
	shared.rings = mmap(NULL, shared.rings_len, PROT_READ, MAP_SHARED, shared.fd, 0);
	expect(shared.rings != MAP_FAILED, "mmap: %m");
	expect(ring_word(&shared, shared.p.sq_off.head) == 8, "it is another ring");
	return 0;
}

int main(int argc, char **argv)
{
	int (*const run[])(void *) = { child_both, child_mapping, child_descriptor };
	const struct io_uring_cqe *cqe;
	struct steps *steps;
	pid_t child[3];

	test_init(argc, argv);
	steps = steps_new();
	ring_make(&shared, 8, 0);
	ring_use(&shared, 7);
	for (uint32_t i = 0; i < 3; i++) {
		child[i] = test_child(run[i], steps);
		steps_wait(steps, i + 1);
	}
	test_daemon();
	test_waitsig();

	if (!test_stop(child[0], "the child with both"))
		return fail("the first child");
	cqe = ring_result(&shared);
	if (!cqe || cqe->user_data != 42)
		return fail("what the child has submitted has no result here");
	ring_seen(&shared);
	if (!test_stop(child[1], "the child with the mapping"))
		return fail("the second child");
	if (!test_stop(child[2], "the child with the descriptor"))
		return fail("the third child");
	shared.sq_tail++;
	return ring_works(&shared, 5) ? pass() : fail("the ring");
}
