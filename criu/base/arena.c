// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "criu/base/keep.h"
#include "criu/base/mem.h"

#define CHUNK_SIZE 65536ul
#define ALIGNMENT  16ul

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
};

static struct arena_chunk *chunk_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->keep ? keep_alloc(a->keep, size) : NULL;

	if (!c)
		return mem_alloc(size);
	memset(c, 0, size);
	return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	struct arena_chunk *c;
	void *p;

	if (need > a->left) {
		size_t room = need > CHUNK_SIZE ? need : CHUNK_SIZE;

		c = chunk_alloc(a, sizeof(*c) + ALIGNMENT + room);
		c->next = a->chunks;
		a->chunks = c;
		a->at = (char *)(((size_t)(c + 1) + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
		a->left = room;
	}
	p = a->at;
	a->at += need;
	a->left -= need;
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_dup(a, s, strlen(s) + 1);
}

void *arena_dup(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_alloc(a, size);

	if (size)
		memcpy(copy, p, size);
	return copy;
}

void arena_done(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		if (a->keep)
			keep_free(a->keep, a->chunks);
		else
			free(a->chunks);
		a->chunks = next;
	}
	*a = (struct arena){ 0 };
}
