// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/keep.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Address space; memory is taken as it is used. */
#define KEEP_SIZE (64ul << 30)
#define ALIGNMENT 16ul

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

void *keep_alloc(struct keep *k, size_t size)
{
	size_t need = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1), at;

	if (!k->base || need < size || need > k->size)
		return malloc(size);
	at = __atomic_fetch_add(&k->used, need, __ATOMIC_RELAXED);
	return at <= k->size - need ? k->base + at : malloc(size);
}

void keep_free(struct keep *k, void *p)
{
	uintptr_t at = (uintptr_t)p - (uintptr_t)k->base;

	if (!k->base || at >= k->size)
		free(p);
}
