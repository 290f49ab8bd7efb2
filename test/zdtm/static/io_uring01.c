// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many rings of one process, of all sizes and natures, each with a position of its own. Between
 * their mappings there is room that another would fit into.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rings.h"

#define DEFER (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

static const struct {
	unsigned int entries, flags, used;
} kinds[] = {
	{ 1, 0, 0 },
	{ 1, 0, 5 },
	{ 4, IORING_SETUP_SQE128, 9 },
	{ 8, IORING_SETUP_CQE32, 33 },
	{ 16, IORING_SETUP_SQE128 | IORING_SETUP_CQE32, 70000 },
	{ 64, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 3 },
	{ 128, IORING_SETUP_SINGLE_ISSUER, 200 },
	{ 256, DEFER, 1000 },
	{ 32, DEFER | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_NO_SQARRAY, 77 },
	{ 4096, IORING_SETUP_CLAMP, 1 },
	{ 32768, 0, 12 },
	{ 2, IORING_SETUP_SUBMIT_ALL, 1234 },
};

#define NR (sizeof(kinds) / sizeof(kinds[0]))

static int enabled_later(struct ring *r)
{
	ring_next(r, IORING_OP_NOP, 5);
	ring_flush(r);
	if (ring_enter(r, 1, 1) != -1 || errno != EBADFD)
		return fail("it is enabled: %m");
	if (syscall(SYS_io_uring_register, r->fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0)
		return fail("IORING_REGISTER_ENABLE_RINGS: %m");
	if (ring_enter(r, 1, 1) != 1 || !ring_result(r))
		return fail("io_uring_enter: %m");
	ring_seen(r);
	return 0;
}

int main(int argc, char **argv)
{
	struct ring rings[NR], last, disabled, gone[4];

	test_init(argc, argv);
	for (size_t i = 0; i < 4; i++)
		ring_make(&gone[i], 4u << i, 0);
	for (size_t i = 0; i < NR; i++) {
		ring_make(&rings[i], kinds[i].entries, kinds[i].flags);
		ring_use(&rings[i], kinds[i].used);
	}
	ring_make(&disabled, 8, IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER);
	for (size_t i = 0; i < 4; i++)
		ring_drop(&gone[i]);
	ring_make(&last, 8, 0);
	must(madvise(last.rings, last.rings_len, MADV_DONTFORK));
	must(mprotect(last.sqes, last.sqes_len, PROT_READ));
	test_daemon();
	test_waitsig();

	must(mprotect(last.sqes, last.sqes_len, PROT_READ | PROT_WRITE));
	for (size_t i = 0; i < NR; i++) {
		if (ring_word(&rings[i], rings[i].p.sq_off.head) != kinds[i].used)
			return fail("ring %zu is at %u", i,
				    ring_word(&rings[i], rings[i].p.sq_off.head));
		for (unsigned int j = 0; j < 10; j++)
			if (!ring_works(&rings[i], j))
				return fail("ring %zu, request %u", i, j);
	}
	if (enabled_later(&disabled))
		return 1;
	return ring_works(&last, 3) ? pass() : fail("the last ring");
}
