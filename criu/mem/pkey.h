// SPDX-License-Identifier: GPL-2.0-only
/* Protection keys of mappings: pkey_mprotect(2). */
#pragma once
#include "criu/core/program.h"
#include "images/mm.pb-c.h"

#define PKEYS 16 /* x86 has so many */

/* Operations that pkeys_allocate() makes at most. */
#define PKEYS_OPS (2 * PKEYS)

/* The key, or 0, which every mapping has that nobody has given one. */
static inline uint32_t pkey_of(const VmaEntry *v)
{
	return v->has_pkey ? v->pkey : 0;
}

/* The keys that mappings have; others are free afterwards. */
void pkeys_allocate(struct program *p, const MmEntry *mm);
