// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "criu/base/keep.h"
#include "criu/base/mem.h"

/* The first is small: many arenas are. */
#define CHUNK_FIRST 4000ul
#define CHUNK_SIZE  65536ul
#define ALIGNMENT   16ul

struct arena_chunk {
	struct arena_chunk *next;
	size_t room; /* bytes that it is for */
};

static struct arena_chunk *chunk_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->keep ? keep_alloc(a->keep, size) : NULL;

	if (!c)
		return mem_alloc(size);
	memset(c, 0, size);
	return c;
}

static char *chunk_begin(struct arena_chunk *c)
{
	return (char *)(((size_t)(c + 1) + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
}

static size_t next_room(const struct arena *a, size_t need)
{
	size_t room = !a->chunks ? CHUNK_FIRST : a->chunks->room * 4;

	room = room < CHUNK_SIZE ? room & ~(ALIGNMENT - 1) : CHUNK_SIZE;
	return need > room ? need : room;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	struct arena_chunk *c;
	void *p;

	if (need > a->left) {
		size_t room = next_room(a, need);

		c = chunk_alloc(a, sizeof(*c) + ALIGNMENT + room);
		c->room = room;
		c->next = a->chunks;
		a->chunks = c;
		a->at = chunk_begin(c);
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

static void chunks_free(struct arena *a, struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		if (a->keep)
			keep_free(a->keep, c);
		else
			free(c);
		c = next;
	}
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *c = a->chunks;

	if (!c)
		return;
	chunks_free(a, c->next);
	c->next = NULL;
	memset(chunk_begin(c), 0, c->room - a->left);
	a->at = chunk_begin(c);
	a->left = c->room;
}

void arena_done(struct arena *a)
{
	chunks_free(a, a->chunks);
	*a = (struct arena){ 0 };
}
