// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/map.h"

#include <stdlib.h>

#include "criu/base/mem.h"

struct map_slot {
	uint64_t key;
	void *value;
};

/* The slot of the key, or the empty one where it would go. */
static struct map_slot *find(struct map_slot *slots, size_t cap, uint64_t key)
{
	size_t at = (size_t)(key * 0x9e3779b97f4a7c15ull >> 20) & (cap - 1);

	while (slots[at].value && slots[at].key != key)
		at = (at + 1) & (cap - 1);
	return &slots[at];
}

static void grow(struct map *m)
{
	size_t cap = m->cap ? m->cap * 2 : 64;
	struct map_slot *slots = mem_alloc(cap * sizeof(*slots));

	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].value)
			*find(slots, cap, m->slots[i].key) = m->slots[i];
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
}

void *map_get(const struct map *m, uint64_t key)
{
	return m->cap ? find(m->slots, m->cap, key)->value : NULL;
}

void map_put(struct map *m, uint64_t key, void *value)
{
	if (m->nr * 2 >= m->cap)
		grow(m);
	*find(m->slots, m->cap, key) = (struct map_slot){ key, value };
	m->nr++;
}

void map_done(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}
