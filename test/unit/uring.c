// SPDX-License-Identifier: GPL-2.0-only
/* Rings of io_uring: what images may say of them, and that a new one gets to where another was. */
#include "criu/files/uring.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "criu/files/uring_ring.h"
#include "test/unit/test.h"

#define SQ 8
#define CQ 16

static UringEntry entry_good(void)
{
	static uint8_t cqes[2 * sizeof(struct io_uring_cqe)];
	UringEntry e = URING_ENTRY__INIT;

	e.sq_entries = SQ;
	e.cq_entries = CQ;
	e.sq_head = 10;
	e.sq_tail = 10 + SQ;
	e.cq_head = 8;
	e.cq_tail = 10;
	e.cqes.data = cqes;
	e.cqes.len = sizeof(cqes);
	return e;
}

TEST(uring_of_a_good_image)
{
	UringEntry e = entry_good();

	CHECK_INT_EQ(uring_check(&e), 0);
	CHECK_INT_EQ(uring_tables_check(&e), 0);
}

#define REFUSED(change, text)                                                                      \
	do {                                                                                       \
		UringEntry e = entry_good();                                                       \
		change;                                                                            \
		CHECK(uring_check(&e) < 0);                                                        \
		CHECK_ERROR(text);                                                                 \
	} while (0)

TEST(uring_of_a_forged_image)
{
	REFUSED(e.setup_flags = IORING_SETUP_SQPOLL, "flags");
	REFUSED(e.setup_flags = IORING_SETUP_NO_MMAP, "flags");
	REFUSED(e.sq_entries = 0, "entries");
	REFUSED(e.sq_entries = 7, "entries");
	REFUSED(e.sq_entries = 1u << 31, "entries");
	REFUSED(e.cq_entries = SQ / 2, "entries");
	REFUSED(e.sq_tail = 9, "do not fit");
	REFUSED(e.sq_tail++, "do not fit");
	REFUSED(e.cq_head = e.cq_tail + 1, "do not fit");
	REFUSED(e.cqes.len--, "contents");
	REFUSED(e.sqes.len = SQ * sizeof(struct io_uring_sqe) + 1, "contents");
	REFUSED(e.sq_array.len = SQ * sizeof(uint32_t) + 1, "contents");
	REFUSED((e.setup_flags = IORING_SETUP_NO_SQARRAY, e.sq_array.len = 1), "contents");
	REFUSED(e.setup_flags = IORING_SETUP_R_DISABLED, "enabled");
	REFUSED((e.sq_head = URING_STEPS_MAX + 1, e.sq_tail = e.sq_head), "position");
	REFUSED(e.n_workers = 3, "workers");
}

TEST(uring_tables_of_a_forged_image)
{
	UringSlotEntry slot = URING_SLOT_ENTRY__INIT, *slots = &slot;
	UringThreadEntry thread = URING_THREAD_ENTRY__INIT, *threads = &thread;
	UringEntry e = entry_good();

	slot.index = 3;
	e.nr_files = 3;
	e.files = &slots;
	e.n_files = 1;
	CHECK(uring_tables_check(&e) < 0);
	CHECK_ERROR("files 3 of 3");
	e.nr_files = UINT32_MAX;
	CHECK(uring_tables_check(&e) < 0);
	CHECK_ERROR("registered files");
	e.nr_files = 4;
	e.alloc_end = 5;
	CHECK(uring_tables_check(&e) < 0);
	CHECK_ERROR("allocate");
	e.alloc_end = 4;
	thread.index = URING_RING_FDS;
	e.threads = &threads;
	e.n_threads = 1;
	CHECK(uring_tables_check(&e) < 0);
	CHECK_ERROR("number 16");
}

/* As far as the kernel lets us have one. */
static void advance_try(uint32_t flags, uint32_t sq_head, uint32_t cq_tail)
{
	UringEntry e = entry_good();
	struct io_uring_params p;
	struct uring_map m;
	int fd;

	test_note("flags %#x, to %u and %u", flags, sq_head, cq_tail);
	e.sq_head = sq_head;
	e.cq_tail = cq_tail;
	fd = uring_make(&e, flags, &p);
	if (fd == -ENOSYS)
		test_skip("io_uring");
	if (!CHECK(fd >= 0) || !CHECK_INT_EQ(uring_map(fd, &p, &m), 0))
		return;
	CHECK_INT_EQ(uring_advance(fd, &m, &e), 0);
	CHECK_INT_EQ(*(uint32_t *)(void *)(m.ring + p.sq_off.head), sq_head);
	CHECK_INT_EQ(*(uint32_t *)(void *)(m.ring + p.cq_off.tail), cq_tail);
	CHECK_INT_EQ(*(uint32_t *)(void *)(m.ring + p.cq_off.overflow), 0);
	uring_unmap(&m);
	close(fd);
}

TEST(uring_gets_to_where_another_was)
{
	static const uint32_t flags[] = { 0, IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
					  IORING_SETUP_IOPOLL, IORING_SETUP_COOP_TASKRUN,
					  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		advance_try(flags[i], 0, 0);
		advance_try(flags[i], 1, 1);
		advance_try(flags[i], 1003, 1003);
		advance_try(flags[i], 1003, 5);
		advance_try(flags[i], 5, 1003);
		advance_try(flags[i], 0, 100);
	}
}

TEST(uring_contents_come_back)
{
	UringEntry e = entry_good(), back = URING_ENTRY__INIT;
	struct io_uring_params p;
	struct arena a = { 0 };
	struct uring_map m;
	int fd = uring_make(&e, 0, &p);

	if (fd == -ENOSYS)
		test_skip("io_uring");
	if (!CHECK(fd >= 0) || !CHECK_INT_EQ(uring_map(fd, &p, &m), 0))
		return;
	e.cqes.data[3] = 7;
	e.cq_flags = IORING_CQ_EVENTFD_DISABLED;
	e.sqes = (ProtobufCBinaryData){ 5, (uint8_t *)"abcde" };
	uring_contents_put(&m, &e);
	back.cq_tail = e.cq_tail;
	uring_contents_take(&a, &m, &back);
	CHECK_INT_EQ(back.sq_tail, e.sq_tail);
	CHECK_INT_EQ(back.cq_head, e.cq_head);
	CHECK_INT_EQ(back.cq_flags, e.cq_flags);
	CHECK_INT_EQ(back.cqes.len, e.cqes.len);
	CHECK(!memcmp(back.cqes.data, e.cqes.data, e.cqes.len));
	CHECK_INT_EQ(back.sqes.len, e.sqes.len);
	CHECK(!memcmp(back.sqes.data, e.sqes.data, e.sqes.len));
	CHECK_INT_EQ(back.sq_array.len, 0);
	arena_done(&a);
	uring_unmap(&m);
	close(fd);
}
