// SPDX-License-Identifier: GPL-2.0-only
/* Rings of io_uring(7), by system calls. */
#pragma once
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Later than the headers of Debian 12. */
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1u << 16)
#endif

struct ring {
	int fd;
	struct io_uring_params p;
	char *rings, *sqes;
	size_t rings_len, sqes_len;
	/* Numbers of its own, as a library has them. */
	uint32_t sq_tail, cq_head;
};

/* Must succeed. */
void ring_make(struct ring *r, unsigned int entries, unsigned int flags);
void ring_drop(struct ring *r);

/* The next request, empty but for its number. The kernel sees those before ring_flush(). */
struct io_uring_sqe *ring_next(struct ring *r, uint8_t opcode, uint64_t number);
void ring_flush(struct ring *r);
/* Tells the kernel to take nr, and waits for that many results: what io_uring_enter(2) says. */
int ring_enter(struct ring *r, unsigned int nr, unsigned int wait);

/* The result that is next, or NULL; ring_seen() is for the one after. */
const struct io_uring_cqe *ring_result(const struct ring *r);
void ring_seen(struct ring *r);

/* A request that does nothing, and its result. False, with a message, when it is not so. */
bool ring_works(struct ring *r, uint64_t number);
/* nr of them. */
void ring_use(struct ring *r, unsigned int nr);

uint32_t ring_word(const struct ring *r, uint32_t off);
