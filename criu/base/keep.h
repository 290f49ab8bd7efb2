// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is filled once and read by all processes that are forked later. It is a shared
 * mapping, so fork has no page table of it to copy, and nothing to take apart when the process
 * gives its memory up: for a tree of many processes that is most of what forking costs.
 *
 * What a child writes to it the others see.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keep {
	uint8_t *base; /* NULL: there is none, malloc serves */
	size_t size;
	size_t used; /* by all threads */
};

/* Where so much address space cannot be had (RLIMIT_AS), malloc(3) serves instead. */
void keep_init(struct keep *k);
void keep_done(struct keep *k);

/* Not zeroed; NULL: no memory. Threads may call it at the same time. */
void *keep_alloc(struct keep *k, size_t size);
/* Gives back what came from malloc(3); the rest goes with keep_done(). */
void keep_free(struct keep *k, void *p);

#define KEEP_BLOCKS 32

/*
 * What one thread takes of it. A large block that it gives back it gets again: a decoder has many
 * for a moment only.
 */
struct keep_part {
	struct keep *keep;
	struct {
		void *p;
		size_t size;
		bool is_free;
	} blocks[KEEP_BLOCKS]; /* the last large ones */
	size_t nr; /* there have been so many */
};

void *keep_part_alloc(struct keep_part *part, size_t size);
void keep_part_free(struct keep_part *part, void *p);
