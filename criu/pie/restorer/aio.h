// SPDX-License-Identifier: GPL-2.0-only
/* Contexts of asynchronous I/O: part of restorer.c. See criu/mem/aio.c. */
#pragma once
#include <asm/unistd.h>
#include <linux/aio_abi.h>
#include <linux/mman.h>
#include <stdint.h>

#include "compel/blob/syscall.h"
#include "criu/pie/abi/program.h"

#define AIO_CONTEXTS 256 /* that a process may have had since, at most */
#define AIO_INVALID  (-22) /* -EINVAL */

/* As the kernel has it: fs/aio.c */
struct aio_ring {
	uint32_t id, nr, head, tail, magic, compat, incompat, header_length;
	struct io_event event[];
};

/* One request that reads nothing: its event is there when this returns. */
static long aio_event(uint64_t ctx, uint64_t fd)
{
	struct iocb cb = { .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = (uint32_t)fd };
	uint64_t cbs = BLOB_ADDR(&cb);
	long r = blob_syscall3(__NR_io_submit, ctx, 1, BLOB_ADDR(&cbs));

	return r == 1 ? 0 : r < 0 ? r : AIO_INVALID;
}

/* The kernel counts what is in the ring: so first to where the head is, and all of that reaped;
 * then what was there to be reaped. */
static long aio_advance(struct aio_ring *ring, const struct aio_ring *was, uint64_t fd)
{
	uint32_t pending = (was->tail + was->nr - was->head) % was->nr;
	long r = 0;

	for (uint32_t i = 0; i < was->head && r >= 0; i++) {
		r = aio_event(BLOB_ADDR(ring), fd);
		ring->head = ring->tail;
	}
	for (uint32_t i = 0; i < pending && r >= 0; i++)
		r = aio_event(BLOB_ADDR(ring), fd);
	if (r >= 0 && (ring->head != was->head || ring->tail != was->tail))
		r = AIO_INVALID;
	return r;
}

static long aio_ring_make(const struct op_iov *at, uint64_t ctx, uint64_t fd)
{
	struct aio_ring *ring = (struct aio_ring *)(uintptr_t)ctx;
	const struct aio_ring *was = (const struct aio_ring *)(uintptr_t)at->base;
	long r;

	if (ring->nr != was->nr || ring->id != was->id || was->head >= was->nr ||
	    was->tail >= was->nr || was->nr > (at->len - sizeof(*was)) / sizeof(was->event[0]))
		return AIO_INVALID;
	r = aio_advance(ring, was, fd);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < was->nr; i++)
		ring->event[i] = was->event[i];
	r = blob_syscall5(__NR_mremap, ctx, at->len, at->len, MREMAP_MAYMOVE | MREMAP_FIXED,
			  at->base);
	return r == (long)at->base ? 0 : r < 0 ? r : AIO_INVALID;
}

static uint32_t aio_requests(uint64_t len)
{
	return (uint32_t)(((len - sizeof(struct aio_ring)) / sizeof(struct io_event) - 2) / 2);
}

/* arg: fd of /dev/null, array of address and length, how many. Contexts that are gone left their
 * index free; each is made for as long as it takes. */
static long aio_make_all(const struct op *op)
{
	const struct op_iov *rings = (const struct op_iov *)(uintptr_t)op->arg[1];
	uint64_t gap[AIO_CONTEXTS], made = 0;
	uint32_t nr_gaps = 0;
	long r = 0;

	for (uint32_t id = 0; made < op->arg[2] && r >= 0; id++) {
		const struct op_iov *at = 0;
		uint64_t ctx = 0;

		for (uint64_t i = 0; i < op->arg[2]; i++)
			if (((const struct aio_ring *)(uintptr_t)rings[i].base)->id == id)
				at = &rings[i];
		if (!at && nr_gaps == AIO_CONTEXTS)
			return AIO_INVALID;
		r = blob_syscall2(__NR_io_setup, at ? aio_requests(at->len) : 1, BLOB_ADDR(&ctx));
		if (r >= 0 && !ctx)
			r = AIO_INVALID;
		if (r < 0)
			break;
		if (at) {
			r = aio_ring_make(at, ctx, op->arg[0]);
			made++;
		} else {
			gap[nr_gaps++] = ctx;
		}
	}
	while (nr_gaps)
		blob_syscall1(__NR_io_destroy, gap[--nr_gaps]);
	return r;
}
