// SPDX-License-Identifier: GPL-2.0-only
/*
 * Letters that smaps prints for a mapping stand for one bit each of the kernel's word of flags
 * (fs/proc/task_mmu.c: show_smap_vma_flags()), whatever the others are; so do the bits of a
 * protection key. Which bit that is differs between kernels, so it is found by comparison: letters
 * can be those of a bit if, in all mappings that were seen, they were there where the bit was.
 */
#include "criu/kernel/alike.h"

#define WORD_BITS  64
/* Where no letters are: those of a protection key. */
#define PKEY_SHIFT 56
#define PKEY_BITS  4

_Static_assert(PROC_VMFLAG_NR <= PKEY_SHIFT, "letters and keys share a word");

static uint64_t names_of(const struct alike_flags *f)
{
	return f->vmflags | (uint64_t)f->pkey << PKEY_SHIFT;
}

/* Bits that may be the one with this name. */
static uint64_t candidates(const struct alike_flags *seen, size_t nr, uint64_t name)
{
	uint64_t bits = UINT64_MAX;

	for (size_t i = 0; i < nr; i++)
		if (seen[i].raw != ALIKE_NO_FLAGS)
			bits &= names_of(&seen[i]) & name ? seen[i].raw : ~seen[i].raw;
	return bits;
}

static uint64_t all_seen(const struct alike_flags *seen, size_t nr)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < nr; i++)
		bits |= seen[i].raw != ALIKE_NO_FLAGS ? seen[i].raw : 0;
	return bits;
}

static const struct alike_flags *same(const struct alike_flags *seen, size_t nr, uint64_t raw)
{
	for (size_t i = 0; i < nr; i++)
		if (seen[i].raw == raw)
			return &seen[i];
	return NULL;
}

bool alike_flags_know(const struct alike_flags *seen, size_t nr, uint64_t raw,
		      struct alike_flags *ret)
{
	const struct alike_flags *exactly = same(seen, nr, raw);
	uint64_t names = 0;

	if (exactly) {
		*ret = *exactly;
		return true;
	}
	if (raw == ALIKE_NO_FLAGS || raw & ~all_seen(seen, nr))
		return false;
	for (unsigned int i = 0; i < WORD_BITS; i++) {
		uint64_t bits = candidates(seen, nr, 1ull << i);

		/* None: it does not stand for one bit. Some: it is among them, but which is it? */
		if (!bits || (raw & bits && (raw & bits) != bits))
			return false;
		names |= raw & bits ? 1ull << i : 0;
	}
	*ret = (struct alike_flags){ raw, names & ((1ull << PKEY_SHIFT) - 1),
				     (uint8_t)(names >> PKEY_SHIFT) };
	return !(names >> (PKEY_SHIFT + PKEY_BITS));
}
