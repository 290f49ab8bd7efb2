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

void keep_free(struct keep *k, void *p)
{
	uintptr_t at = (uintptr_t)p - (uintptr_t)k->base;

	if (!k->base || at >= k->size)
		free(p);
}
