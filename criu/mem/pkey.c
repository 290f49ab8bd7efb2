// SPDX-License-Identifier: GPL-2.0-only
/*
 * pkey_alloc(2) gives the lowest key that is free, so all are taken up to the highest that is
 * wanted, and those in between given back. What a thread may do with which key is in a register
 * (PKRU), and comes with the others. Test: test/zdtm/static/maps_pkey00.
 *
 * A mapping that may be executed and nothing else has a key that the kernel takes by itself.
 */
#include "criu/mem/pkey.h"

#include <stdbool.h>
#include <sys/syscall.h>

void pkeys_allocate(struct program *p, const MmEntry *mm)
{
	bool wanted[PKEYS] = { false };
	uint32_t highest = 0;

	for (size_t i = 0; i < mm->n_vmas; i++) {
		uint32_t key = pkey_of(mm->vmas[i]);

		wanted[key] = true;
		if (key > highest)
			highest = key;
	}
	for (uint32_t key = 1; key <= highest; key++) {
		struct op *op = PROGRAM_SYSCALL(p, OP_WHAT_PKEY, SYS_pkey_alloc, 0, 0);

		op->flags |= OP_EXPECT;
		op->expect = (int64_t)key;
	}
	for (uint32_t key = 1; key < highest; key++)
		if (!wanted[key])
			PROGRAM_SYSCALL(p, OP_WHAT_PKEY, SYS_pkey_free, key);
}
