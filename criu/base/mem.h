// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is there: the small allocations of a tool that holds a few megabytes end
 * the program when they cannot be had, so that no caller has a path that nobody tests.
 * Sizes that come from an image or from /proc are bounded before they get here.
 */
#pragma once
#include <stddef.h>

#define PAGE_BYTES 4096ul
#define PAGE_REST  (PAGE_BYTES - 1)
#define PAGE_UP(x) (((x) + PAGE_REST) & ~PAGE_REST)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

void *mem_alloc(size_t size); /* zeroed */
void *mem_realloc(void *p, size_t nr, size_t size);
char *mem_strdup(const char *s);
void *mem_dup(const void *p, size_t size);

/* One more element at the end of a growing array: p, nr, cap are the caller's. */
#define array_push(p, nr, cap)                                                                     \
	({                                                                                         \
		if ((nr) == (cap) || !(p)) {                                                       \
			(cap) = (cap) ? (cap)*2 : 8;                                               \
			(p) = mem_realloc((p), (cap), sizeof(*(p)));                               \
		}                                                                                  \
		memset(&(p)[(nr)], 0, sizeof(*(p)));                                               \
		&(p)[(nr)++];                                                                      \
	})
