// SPDX-License-Identifier: GPL-2.0-only
/* Memory of a stopped task on its way to its place in a file. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "criu/core/session.h"
#include "criu/core/task.h"

/* Bytes at addr that belong at off. */
struct page_piece {
	uint64_t addr, len, off;
};

/* Ascending. Zero-initialise. */
struct page_pieces {
	struct page_piece *v;
	size_t nr, cap;
	uint64_t bytes;
};

void page_pieces_add(struct page_pieces *l, uint64_t addr, uint64_t len, uint64_t off);
void page_pieces_done(struct page_pieces *l);

/* Of one copier at a time. Zero-initialise. */
struct page_room {
	uint8_t *buf;
	struct iovec *iov;
};

#define PAGE_ROOM_BYTES (512ul << 10)

void page_room_make(struct page_room *room);
void page_room_done(struct page_room *room);

/* From whom, and where to. */
struct page_copy {
	struct session *s;
	pid_t pid;
	int fd;
	bool gently; /* pages may be shared after a fork: see copy.c */
	bool runs_on; /* pages may be gone when they are to be read */
	uint64_t write_us;
};

/* Some of the pieces in the list, all that is not done when it returns an error. Speaking. */
int page_copy(struct page_copy *c, struct page_room *room, const struct page_pieces *l);

/* All that is to be copied of a task. */
struct page_load {
	const struct task *task;
	struct page_copy *copy;
	const struct page_pieces *pieces;
};

/* Many, in parts, on all processors. Speaking. */
int page_copy_all(const struct page_load *loads, size_t nr);
