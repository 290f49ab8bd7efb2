// SPDX-License-Identifier: GPL-2.0-only
/* Which pages of an address space are what: ranges, never a structure per page. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "criu/kernel/uapi.h"

/*
 * A page of a mapping matches when (categories ^ inverted) has all of all_of and, unless
 * any_of is 0, one of any_of. Neighbours that match and have the same categories & report
 * make one region. Categories are PAGE_IS_*; what was never touched has none, so it matches
 * a query that asks for nothing: pages with contents are any_of PRESENT | SWAPPED. But
 * SWAPPED also are the markers of guard pages (SWAPPED | GUARD, since 6.15 told apart) and
 * of write-protected pages that were never touched (SWAPPED without WRITTEN).
 */
struct pagemap_query {
	uint64_t start, end; /* page-aligned */
	uint64_t all_of, any_of, inverted, report;
	uint64_t max_pages; /* 0: no limit */
	uint64_t flags; /* PM_SCAN_* */
};

/*
 * Fills vec, at most nr regions, in ascending order: how many, or -errno. *ret_walk_end is
 * where the walk stopped: q->end when all was seen. fd is /proc/PID/pagemap (PM_SCAN_WP_*
 * changes the address space of that process, and needs the ioctl). Where the kernel has no
 * ioctl (before 6.7), or refuses a category (GUARD before 6.15: see FEATURE_PAGEMAP_SCAN_-
 * GUARD_PAGES before asking), the classic file is read instead.
 */
int pagemap_scan(int fd, const struct pagemap_query *q, struct page_region *vec, size_t nr,
		 uint64_t *ret_walk_end);

/* The two ways of it. ioctl: -ENOTTY when the kernel has none. */
int pagemap_scan_ioctl(int fd, const struct pagemap_query *q, struct page_region *vec, size_t nr,
		       uint64_t *ret_walk_end);
/*
 * Reads 8 bytes a page, mapped or not: give it mapped ranges. HUGE and WPALLOWED are never
 * set; PFNZERO needs CAP_SYS_ADMIN and is not set for the huge zero page. -EOPNOTSUPP: the
 * query has flags, or filters by WPALLOWED.
 */
int pagemap_scan_classic(int fd, const struct pagemap_query *q, struct page_region *vec, size_t nr,
			 uint64_t *ret_walk_end);

/* The kernel has soft-dirty bits: whoever clears them finds set those of pages written since. */
bool pagemap_has_soft_dirty(void);

/* Zero-initialise. */
struct pagemap_regions {
	struct page_region *v;
	size_t nr, cap;
};

/* The whole range of q, however many regions it takes (max_pages is ignored): appends. */
int pagemap_collect(int fd, const struct pagemap_query *q, struct pagemap_regions *ret);
void pagemap_regions_append(struct pagemap_regions *to, const struct pagemap_regions *from);
/* No room for more. */
void pagemap_regions_trim(struct pagemap_regions *l);
void pagemap_regions_done(struct pagemap_regions *l);
