// SPDX-License-Identifier: GPL-2.0-only
/* A map from numbers to pointers. Zero-initialise. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct map {
	struct map_slot *slots; /* open addressing; cap is a power of two */
	size_t nr, cap;
};

/* NULL when the key has no value. */
void *map_get(const struct map *m, uint64_t key);
/* value is not NULL, the key new. */
void map_put(struct map *m, uint64_t key, void *value);
void map_done(struct map *m);
