// SPDX-License-Identifier: GPL-2.0-only
#include "rings.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zdtmtst.h"

static size_t sqe_bytes(const struct ring *r)
{
	return sizeof(struct io_uring_sqe) << !!(r->p.flags & IORING_SETUP_SQE128);
}

static size_t cqe_bytes(const struct ring *r)
{
	return sizeof(struct io_uring_cqe) << !!(r->p.flags & IORING_SETUP_CQE32);
}

static uint32_t *word(const struct ring *r, uint32_t off)
{
	return (uint32_t *)(void *)(r->rings + off);
}

uint32_t ring_word(const struct ring *r, uint32_t off)
{
	return __atomic_load_n(word(r, off), __ATOMIC_ACQUIRE);
}

static void *map(const struct ring *r, size_t len, off_t off)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, off);

	must(p == MAP_FAILED ? -1 : 0);
	return p;
}

void ring_make(struct ring *r, unsigned int entries, unsigned int flags)
{
	size_t array, cqes;

	memset(r, 0, sizeof(*r));
	r->p.flags = flags;
	r->fd = (int)must(syscall(SYS_io_uring_setup, entries, &r->p));
	array = r->p.sq_off.array + r->p.sq_entries * sizeof(uint32_t);
	cqes = r->p.cq_off.cqes + r->p.cq_entries * cqe_bytes(r);
	r->rings_len = flags & IORING_SETUP_NO_SQARRAY ? cqes : MAX(array, cqes);
	r->sqes_len = r->p.sq_entries * sqe_bytes(r);
	r->rings = map(r, r->rings_len, IORING_OFF_SQ_RING);
	r->sqes = map(r, r->sqes_len, IORING_OFF_SQES);
	for (uint32_t i = 0; i < r->p.sq_entries && !(flags & IORING_SETUP_NO_SQARRAY); i++)
		word(r, r->p.sq_off.array)[i] = i;
}

void ring_drop(struct ring *r)
{
	munmap(r->rings, r->rings_len);
	munmap(r->sqes, r->sqes_len);
	close(r->fd);
}

struct io_uring_sqe *ring_next(struct ring *r, uint8_t opcode, uint64_t number)
{
	uint32_t at = r->sq_tail++ & (r->p.sq_entries - 1);
	struct io_uring_sqe *sqe = (struct io_uring_sqe *)(void *)(r->sqes + at * sqe_bytes(r));

	memset(sqe, 0, sqe_bytes(r));
	sqe->opcode = opcode;
	sqe->user_data = number;
	return sqe;
}

void ring_flush(struct ring *r)
{
	__atomic_store_n(word(r, r->p.sq_off.tail), r->sq_tail, __ATOMIC_RELEASE);
}

int ring_enter(struct ring *r, unsigned int nr, unsigned int wait)
{
	unsigned int flags =
	    wait || r->p.flags & IORING_SETUP_DEFER_TASKRUN ? IORING_ENTER_GETEVENTS : 0;

	return (int)syscall(SYS_io_uring_enter, r->fd, nr, wait, flags, NULL, 0);
}

const struct io_uring_cqe *ring_result(const struct ring *r)
{
	uint32_t at = r->cq_head & (r->p.cq_entries - 1);

	if (ring_word(r, r->p.cq_off.tail) == r->cq_head)
		return NULL;
	return (const struct io_uring_cqe *)(const void *)(r->rings + r->p.cq_off.cqes +
							   at * cqe_bytes(r));
}

void ring_seen(struct ring *r)
{
	__atomic_store_n(word(r, r->p.cq_off.head), ++r->cq_head, __ATOMIC_RELEASE);
}

bool ring_works(struct ring *r, uint64_t number)
{
	const struct io_uring_cqe *cqe;
	int got;

	ring_next(r, IORING_OP_NOP, number);
	ring_flush(r);
	got = ring_enter(r, 1, 1);
	if (got != 1) {
		pr_perror("io_uring_enter: %d", got);
		return false;
	}
	cqe = ring_result(r);
	if (!cqe || cqe->user_data != number || cqe->res) {
		test_msg("the result is number %lld", cqe ? (long long)cqe->user_data : -1ll);
		return false;
	}
	ring_seen(r);
	return true;
}

void ring_use(struct ring *r, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		expect(ring_works(r, i), "request %u", i);
}
