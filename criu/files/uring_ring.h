// SPDX-License-Identifier: GPL-2.0-only
/* A ring of io_uring_setup(2), mapped by crtool: its contents, and where the kernel is in it. */
#pragma once
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "criu/base/arena.h"
#include "images/uring.pb-c.h"

/* Later than the headers of Debian 12. */
#ifndef IORING_SETUP_NO_MMAP
#define IORING_SETUP_NO_MMAP (1u << 14)
#endif
#ifndef IORING_SETUP_REGISTERED_FD_ONLY
#define IORING_SETUP_REGISTERED_FD_ONLY (1u << 15)
#endif
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1u << 16)
#endif
#ifndef IORING_SETUP_HYBRID_IOPOLL
#define IORING_SETUP_HYBRID_IOPOLL (1u << 17)
#endif
#ifndef IORING_SETUP_CQE_MIXED
#define IORING_SETUP_CQE_MIXED (1u << 18)
#endif

#ifndef IORING_REGISTER_CLOCK
#define IORING_REGISTER_CLOCK 29
#endif

#define URING_WORKERS 2 /* kinds of workers */

/* A ring can be made again with these. CQSIZE is always set: both sizes are known. */
#define URING_SETUP_KEPT                                                                           \
	(IORING_SETUP_IOPOLL | IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED |                     \
	 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |         \
	 IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER |                   \
	 IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY | IORING_SETUP_HYBRID_IOPOLL |       \
	 IORING_SETUP_CQE_MIXED)
/* These do nothing after io_uring_setup(2), without a thread that submits. */
#define URING_SETUP_DROPPED (IORING_SETUP_CLAMP | IORING_SETUP_ATTACH_WQ | IORING_SETUP_SQ_AFF)

/* How far the kernel can be made to count: about two minutes. */
#define URING_STEPS_MAX  (1u << 29)
#define URING_STEPS_MANY (1u << 24)

/* What it takes to get there. */
static inline uint32_t uring_steps(const UringEntry *e)
{
	return e->sq_head > e->cq_tail ? e->sq_head : e->cq_tail;
}

/* System calls: -errno. */
int uring_setup(uint32_t entries, struct io_uring_params *p);
int uring_register(int fd, unsigned int op, const void *arg, unsigned int nr);

struct uring_map {
	struct io_uring_params p;
	char *ring, *sqes;
	size_t ring_len, sqes_len;
};

/* A new one as e says: its descriptor, and what the kernel has said of it. -errno. */
int uring_make(const UringEntry *e, uint32_t setup_flags, struct io_uring_params *ret);
/* p: of this ring, or of one that is made alike. -errno. */
int uring_map(int fd, const struct io_uring_params *p, struct uring_map *ret);
void uring_unmap(struct uring_map *m);

/* Contents and positions, but for those of the kernel. */
void uring_contents_take(struct arena *a, const struct uring_map *m, UringEntry *e);
void uring_contents_put(const struct uring_map *m, const UringEntry *e);

/* From the positions of a new ring to those of e: -errno. */
int uring_advance(int fd, const struct uring_map *m, const UringEntry *e);

/* Images: sizes, positions and lengths agree. Speaks. */
int uring_check(const UringEntry *e);
