// SPDX-License-Identifier: GPL-2.0-only
/* Many small things that die together. Zero-initialise, but for keep; everything in it is
 * zeroed. */
#pragma once
#include <stddef.h>

struct arena_chunk;
struct keep;

struct arena {
	struct arena_chunk *chunks;
	char *at;
	size_t left;
	struct keep *keep; /* whose memory it takes; NULL: that of malloc(3) */
};

void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *s);
void *arena_dup(struct arena *a, const void *p, size_t size);
/* As new, but the chunk that it has come to is kept for what is next. */
void arena_reset(struct arena *a);
void arena_done(struct arena *a);

#define arena_array(a, type, nr) ((type *)arena_alloc((a), (nr) * sizeof(type)))

/* A protobuf message: arena_message(a, CoreEntry, CORE_ENTRY__INIT) */
#define arena_message(a, type, init)                                                               \
	({                                                                                         \
		type *m_ = arena_alloc((a), sizeof(type));                                         \
		*m_ = (type)init;                                                                  \
		m_;                                                                                \
	})
