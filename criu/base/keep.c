// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/keep.h"

#include <stdlib.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* since Linux 5.14 */
#endif

/* Address space; memory is taken as it is used. */
#define KEEP_SIZE (64ul << 30)
#define ALIGNMENT 16ul
/* From here on it is had a piece at a time, which takes less than a fault for each page. */
#define MUCH      (512ul << 10)
#define PIECE     (128ul << 10)
#define LARGE     1024ul /* a block that is worth to be remembered */

void keep_init(struct keep *k)
{
	void *p = mmap(NULL, KEEP_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*k = (struct keep){ 0 };
	if (p == MAP_FAILED)
		return;
	k->base = p;
	k->size = KEEP_SIZE;
}

void keep_done(struct keep *k)
{
	if (k->base)
		munmap(k->base, k->size);
	*k = (struct keep){ 0 };
}

/* Who comes to a new piece has all of it made; where the kernel does not, pages come as always. */
static void piece_make(const struct keep *k, size_t at, size_t end)
{
	size_t piece = (end - 1) & ~(PIECE - 1);

	if (end > MUCH && at <= piece && piece + PIECE <= k->size)
		madvise(k->base + piece, PIECE, MADV_POPULATE_WRITE);
}

void *keep_alloc(struct keep *k, size_t size)
{
	size_t need = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1), at;

	if (!k->base || need < size || need > k->size)
		return malloc(size);
	at = __atomic_fetch_add(&k->used, need, __ATOMIC_RELAXED);
	if (at > k->size - need)
		return malloc(size);
	if (need)
		piece_make(k, at, at + need);
	return k->base + at;
}

static bool keep_has(const struct keep *k, const void *p)
{
	return k->base && (uintptr_t)p - (uintptr_t)k->base < k->size;
}

void keep_free(struct keep *k, void *p)
{
	if (!keep_has(k, p))
		free(p);
}

/* Of the same size: what is to stay must not take the place of what comes and goes. */
static void *block_again(struct keep_part *part, size_t size)
{
	for (size_t i = 0; i < KEEP_BLOCKS; i++) {
		if (!part->blocks[i].is_free || part->blocks[i].size != size)
			continue;
		part->blocks[i].is_free = false;
		return part->blocks[i].p;
	}
	return NULL;
}

/* In place of one that is in use, and then is not given back, while there is such a one. */
static void block_note(struct keep_part *part, void *p, size_t size)
{
	size_t at = part->nr++ % KEEP_BLOCKS;

	for (size_t i = 0; i < KEEP_BLOCKS && part->blocks[at].is_free; i++)
		at = part->nr++ % KEEP_BLOCKS;
	part->blocks[at].p = p;
	part->blocks[at].size = size;
	part->blocks[at].is_free = false;
}

void *keep_part_alloc(struct keep_part *part, size_t size)
{
	void *p = size >= LARGE ? block_again(part, size) : NULL;

	if (p)
		return p;
	p = keep_alloc(part->keep, size);
	if (size >= LARGE && p && keep_has(part->keep, p))
		block_note(part, p, size);
	return p;
}

void keep_part_free(struct keep_part *part, void *p)
{
	for (size_t i = 0; i < KEEP_BLOCKS; i++) {
		if (p && part->blocks[i].p == p) {
			part->blocks[i].is_free = true;
			return;
		}
	}
	keep_free(part->keep, p);
}
