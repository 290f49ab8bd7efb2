// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same work for many objects, on all processors.
 *
 * fn is called once for each index, in no order, from several threads; ctx is shared, so fn
 * writes only to what belongs to index i, and to its worker's own. After an error no
 * new index is begun; of several errors that of the lowest is told. Whatever wants ptrace(2)
 * must not go here: a tracer is a thread.
 */
#pragma once
#include <stddef.h>

#define PARALLEL_WORKERS_MAX 16

/* worker: 0 to PARALLEL_WORKERS_MAX - 1, never two at a time with the same number; 0 is the
 * caller. Speaking: the error becomes the caller's. */
int parallel_for(size_t nr, int (*fn)(void *ctx, size_t i, unsigned int worker), void *ctx);
/* The same for few things that are much work each. */
int parallel_large(size_t nr, int (*fn)(void *ctx, size_t i, unsigned int worker), void *ctx);

/*
 * The same by all other processors, while the caller does something else: it joins them when it
 * takes what they have done, and may then give them as many others, or none. After an error, too,
 * the end is to come.
 */
struct parallel *parallel_begin(size_t nr, int (*fn)(void *ctx, size_t i, unsigned int worker),
				void *ctx);
/* Has helpers for a single thing, too: for a caller that has much to do. */
struct parallel *parallel_beside(size_t nr, int (*fn)(void *ctx, size_t i, unsigned int worker),
				 void *ctx);
int parallel_take(struct parallel *p);
void parallel_give(struct parallel *p, size_t nr);
/* Takes what was not taken. */
int parallel_end(struct parallel *p);

/* How many processors crtool may use. */
unsigned int parallel_processors(void);
