// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a ring has in memory that is shared with its process is read and written like memory. But
 * two numbers the kernel has for itself: how many requests it has taken, and how many results it
 * has put down. It counts them up by one and in no other way, and libraries compare them with
 * numbers of their own. So a new ring is given that many requests that do nothing: those that
 * leave a result, then those that leave none. Where there were more results than requests, another
 * ring sends them.
 */
#include "criu/files/uring_ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/syscalls.h"

#define ENTRIES_MAX 32768u /* io_uring/io_uring.h of Linux: IORING_MAX_ENTRIES */

int uring_setup(uint32_t entries, struct io_uring_params *p)
{
	return (int)sys_result(syscall(SYS_io_uring_setup, entries, p));
}

int uring_register(int fd, unsigned int op, const void *arg, unsigned int nr)
{
	return (int)sys_result(syscall(SYS_io_uring_register, fd, op, arg, nr));
}

static int submit(int fd, uint32_t nr)
{
	return (int)sys_result(syscall(SYS_io_uring_enter, fd, nr, 0, 0, NULL, 0));
}

/* --- sizes -------------------------------------------------------------------------------- */

static size_t cqe_bytes(uint32_t setup_flags)
{
	return sizeof(struct io_uring_cqe) << !!(setup_flags & IORING_SETUP_CQE32);
}

static size_t sqe_bytes(uint32_t setup_flags)
{
	return sizeof(struct io_uring_sqe) << !!(setup_flags & IORING_SETUP_SQE128);
}

static size_t array_bytes(uint32_t setup_flags, uint32_t sq_entries)
{
	return setup_flags & IORING_SETUP_NO_SQARRAY ? 0 : sq_entries * sizeof(uint32_t);
}

static bool is_size(uint32_t n, uint32_t max)
{
	return n && n <= max && !(n & (n - 1));
}

static int sizes_check(const UringEntry *e)
{
	if (e->setup_flags & ~URING_SETUP_KEPT)
		return fail_plain("an io_uring with flags %#x", e->setup_flags);
	if (!is_size(e->sq_entries, ENTRIES_MAX) || !is_size(e->cq_entries, 2 * ENTRIES_MAX) ||
	    e->cq_entries < e->sq_entries)
		return fail_plain("an io_uring of %u and %u entries", e->sq_entries, e->cq_entries);
	if (e->sq_tail - e->sq_head > e->sq_entries || e->cq_tail - e->cq_head > e->cq_entries)
		return fail_plain("an io_uring with %u requests and %u results, which do not fit",
				  e->sq_tail - e->sq_head, e->cq_tail - e->cq_head);
	return 0;
}

int uring_check(const UringEntry *e)
{
	int r = sizes_check(e);

	if (r < 0)
		return r;
	if (e->cqes.len != (e->cq_tail - e->cq_head) * cqe_bytes(e->setup_flags) ||
	    e->sq_array.len > array_bytes(e->setup_flags, e->sq_entries) ||
	    e->sqes.len > e->sq_entries * sqe_bytes(e->setup_flags))
		return fail_plain("an io_uring with contents that do not fit");
	if (uring_steps(e) > URING_STEPS_MAX)
		return fail_plain("an io_uring at position %u of requests and %u of results",
				  e->sq_head, e->cq_tail);
	if (e->n_workers && e->n_workers != URING_WORKERS)
		return fail_plain("an io_uring with limits of %zu kinds of workers", e->n_workers);
	if (e->setup_flags & IORING_SETUP_R_DISABLED && (e->sq_head || e->cq_tail))
		return fail_plain("an io_uring that was used before it is enabled");
	return 0;
}

/* --- making and mapping ------------------------------------------------------------------- */

int uring_make(const UringEntry *e, uint32_t setup_flags, struct io_uring_params *ret)
{
	struct io_uring_params p = {
		.flags = setup_flags | IORING_SETUP_CQSIZE,
		.cq_entries = e->cq_entries,
	};
	int fd = uring_setup(e->sq_entries, &p);

	if (fd < 0)
		return fd;
	if (p.sq_entries != e->sq_entries || p.cq_entries != e->cq_entries) {
		close(fd);
		return -EINVAL;
	}
	*ret = p;
	return fd;
}

int uring_map(int fd, const struct io_uring_params *p, struct uring_map *ret)
{
	size_t cqes = p->cq_off.cqes + p->cq_entries * cqe_bytes(p->flags);
	size_t array = p->sq_off.array + array_bytes(p->flags, p->sq_entries);
	struct uring_map m = { .p = *p };

	m.ring_len = PAGE_UP(MAX(cqes, array));
	m.sqes_len = PAGE_UP(p->sq_entries * sqe_bytes(p->flags));
	m.ring = mmap(NULL, m.ring_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	if (m.ring == MAP_FAILED)
		return -errno;
	m.sqes = mmap(NULL, m.sqes_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
	if (m.sqes == MAP_FAILED) {
		int err = -errno;

		munmap(m.ring, m.ring_len);
		return err;
	}
	*ret = m;
	return 0;
}

void uring_unmap(struct uring_map *m)
{
	munmap(m->ring, m->ring_len);
	munmap(m->sqes, m->sqes_len);
}

/* --- contents ----------------------------------------------------------------------------- */

static uint32_t *word_at(const struct uring_map *m, uint32_t off)
{
	return (uint32_t *)(void *)(m->ring + off);
}

static ProtobufCBinaryData bytes_take(struct arena *a, const char *from, size_t len)
{
	ProtobufCBinaryData b = { 0 };

	while (len && !from[len - 1])
		len--;
	b.len = len;
	b.data = len ? arena_dup(a, from, len) : NULL;
	return b;
}

/* One result after the other, past the end of the ring to its beginning. */
static char *cqe_at(const struct uring_map *m, uint32_t position)
{
	return m->ring + m->p.cq_off.cqes +
	       (position & (m->p.cq_entries - 1)) * cqe_bytes(m->p.flags);
}

void uring_contents_take(struct arena *a, const struct uring_map *m, UringEntry *e)
{
	size_t each = cqe_bytes(m->p.flags);
	uint32_t nr;

	e->sq_tail = *word_at(m, m->p.sq_off.tail);
	e->cq_head = *word_at(m, m->p.cq_off.head);
	e->sq_dropped = *word_at(m, m->p.sq_off.dropped);
	e->cq_overflow = *word_at(m, m->p.cq_off.overflow);
	e->cq_flags = *word_at(m, m->p.cq_off.flags);
	nr = e->cq_tail - e->cq_head;
	if (nr > m->p.cq_entries)
		nr = 0; /* it is found out by whoever checks */
	e->cqes.len = nr * each;
	e->cqes.data = arena_alloc(a, nr * each + 1);
	for (uint32_t i = 0; i < nr; i++)
		memcpy(e->cqes.data + i * each, cqe_at(m, e->cq_head + i), each);
	e->sq_array =
	    bytes_take(a, m->ring + m->p.sq_off.array, array_bytes(m->p.flags, m->p.sq_entries));
	e->sqes = bytes_take(a, m->sqes, m->p.sq_entries * sqe_bytes(m->p.flags));
}

static void bytes_put(char *to, size_t room, const ProtobufCBinaryData *b)
{
	memset(to, 0, room);
	if (b->len)
		memcpy(to, b->data, b->len);
}

void uring_contents_put(const struct uring_map *m, const UringEntry *e)
{
	size_t each = cqe_bytes(m->p.flags);

	for (uint32_t i = 0; i < e->cq_tail - e->cq_head; i++)
		memcpy(cqe_at(m, e->cq_head + i), e->cqes.data + i * each, each);
	bytes_put(m->ring + m->p.sq_off.array, array_bytes(m->p.flags, m->p.sq_entries),
		  &e->sq_array);
	bytes_put(m->sqes, m->p.sq_entries * sqe_bytes(m->p.flags), &e->sqes);
	*word_at(m, m->p.sq_off.tail) = e->sq_tail;
	*word_at(m, m->p.cq_off.head) = e->cq_head;
	*word_at(m, m->p.sq_off.dropped) = e->sq_dropped;
	*word_at(m, m->p.cq_off.overflow) = e->cq_overflow;
	*word_at(m, m->p.cq_off.flags) = e->cq_flags;
}

/* --- positions ---------------------------------------------------------------------------- */

/* All requests of a batch are the first. */
static void nop_prepare(const struct uring_map *m, uint8_t flags)
{
	size_t each = sqe_bytes(m->p.flags);

	memset(m->sqes, 0, m->p.sq_entries * each);
	for (uint32_t i = 0; i < m->p.sq_entries; i++) {
		struct io_uring_sqe *sqe = (struct io_uring_sqe *)(void *)(m->sqes + i * each);

		sqe->opcode = IORING_OP_NOP;
		sqe->flags = flags;
	}
}

/* Results are told of to nobody: there is room again. */
static int nops_submit(int fd, const struct uring_map *m, uint32_t nr)
{
	uint32_t *sq_tail = word_at(m, m->p.sq_off.tail);
	uint32_t *cq_head = word_at(m, m->p.cq_off.head);

	while (nr) {
		uint32_t now = MIN(nr, m->p.sq_entries);
		int r;

		__atomic_store_n(sq_tail, *sq_tail + now, __ATOMIC_RELEASE);
		r = submit(fd, now);
		if (r < 0 || (uint32_t)r != now)
			return r < 0 ? r : -EIO;
		*cq_head = __atomic_load_n(word_at(m, m->p.cq_off.tail), __ATOMIC_ACQUIRE);
		nr -= now;
	}
	return 0;
}

#define MESSAGES 64 /* at once */

/* With IORING_SETUP_DEFER_TASKRUN they come when they are waited for, and else some of them. */
static int messages_submit(int from, const struct uring_map *by, int fd, const struct uring_map *m,
			   uint32_t nr)
{
	uint32_t *sq_tail = word_at(by, by->p.sq_off.tail);
	uint32_t *cq_head = word_at(m, m->p.cq_off.head);

	while (nr) {
		uint32_t now = MIN(nr, MIN(MESSAGES, m->p.cq_entries));
		int r;

		__atomic_store_n(sq_tail, *sq_tail + now, __ATOMIC_RELEASE);
		r = submit(from, now);
		if (r >= 0 && (uint32_t)r != now)
			r = -EIO;
		if (r >= 0 && m->p.flags & IORING_SETUP_DEFER_TASKRUN)
			r = (int)sys_result(syscall(SYS_io_uring_enter, fd, 0, now,
						    IORING_ENTER_GETEVENTS, NULL, 0));
		if (r < 0)
			return r;
		*cq_head = __atomic_load_n(word_at(m, m->p.cq_off.tail), __ATOMIC_ACQUIRE);
		nr -= now;
	}
	return 0;
}

/* Results without requests. */
static int messages_send(int fd, const struct uring_map *m, uint32_t nr)
{
	struct io_uring_params p = { .flags = 0 };
	cleanup_close int from = uring_setup(MESSAGES, &p);
	struct io_uring_sqe *sqe;
	struct uring_map by = { .ring = NULL };
	int r = from < 0 ? from : uring_map(from, &p, &by);

	if (r < 0)
		return r;
	sqe = (struct io_uring_sqe *)(void *)by.sqes;
	for (uint32_t i = 0; sqe && i < MESSAGES; i++)
		sqe[i] = (struct io_uring_sqe){ .opcode = IORING_OP_MSG_RING,
						.fd = fd,
						.flags = IOSQE_CQE_SKIP_SUCCESS };
	r = messages_submit(from, &by, fd, m, nr);
	uring_unmap(&by);
	return r;
}

int uring_advance(int fd, const struct uring_map *m, const UringEntry *e)
{
	uint32_t both = MIN(e->sq_head, e->cq_tail);
	int r;

	nop_prepare(m, 0);
	r = nops_submit(fd, m, both);
	if (r < 0)
		return r;
	nop_prepare(m, IOSQE_CQE_SKIP_SUCCESS);
	r = nops_submit(fd, m, e->sq_head - both);
	if (r >= 0 && e->cq_tail > both)
		r = messages_send(fd, m, e->cq_tail - both);
	if (r < 0)
		return r;
	return *word_at(m, m->p.sq_off.head) == e->sq_head &&
		       *word_at(m, m->p.cq_off.tail) == e->cq_tail
		   ? 0
		   : -EIO;
}
