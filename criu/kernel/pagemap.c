// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"

/* Entries of one pread: 32 KiB, 16 MiB of address space. */
#define CLASSIC_ENTRIES 4096

/*
 * The kernel (6.7 to 6.18 at least) fills the vector by pieces of 512 regions, and when the
 * last piece ends with the range it leaves in walk_end where the piece before had stopped:
 * who went on from there would see the same pages twice.
 */
static uint64_t walk_end_true(const struct pm_scan_arg *arg, const struct page_region *vec, int nr)
{
	if ((uint64_t)nr < arg->vec_len && !arg->max_pages)
		return arg->end;
	if (nr && vec[nr - 1].end > arg->walk_end)
		return vec[nr - 1].end;
	return arg->walk_end;
}

int pagemap_scan_ioctl(int fd, const struct pagemap_query *q, struct page_region *vec, size_t nr,
		       uint64_t *ret_walk_end)
{
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.flags = q->flags,
		.start = q->start,
		.end = q->end,
		.vec = (uint64_t)(uintptr_t)vec,
		.vec_len = nr,
		.max_pages = q->max_pages,
		.category_inverted = q->inverted,
		.category_mask = q->all_of,
		.category_anyof_mask = q->any_of,
		.return_mask = q->report,
	};
	int r = ioctl(fd, PAGEMAP_SCAN, &arg);

	if (r < 0)
		return -errno;
	*ret_walk_end = walk_end_true(&arg, vec, r);
	return r;
}

static bool entry_read(int fd, uint64_t addr, uint64_t *ret)
{
	return pread(fd, ret, sizeof(*ret), (off_t)(addr / PAGE_BYTES * sizeof(*ret))) ==
	       sizeof(*ret);
}

/*
 * The frame of the zero page, as our own page table shows it after a read of untouched
 * memory; 0 when frames are hidden from us. x86 has one such frame.
 */
static uint64_t zero_frame(void)
{
	volatile const char *page =
	    mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cleanup_close int fd = -1;
	uint64_t entry = 0;

	if (page == MAP_FAILED)
		return 0;
	(void)*page;
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !entry_read(fd, (uintptr_t)page, &entry) || !(entry & PM_ENTRY_PRESENT))
		entry = 0;
	munmap((void *)page, PAGE_BYTES);
	return entry & PM_ENTRY_PFN;
}

struct classic {
	const struct pagemap_query *q;
	uint64_t zero;
	struct page_region *vec;
	size_t nr, used;
	uint64_t pages;
};

static uint64_t entry_categories(uint64_t e, uint64_t zero)
{
	uint64_t c = 0;

	if (!(e & (PM_ENTRY_PRESENT | PM_ENTRY_SWAP)))
		return e & PM_ENTRY_GUARD ? PAGE_IS_GUARD : 0;
	if (e & PM_ENTRY_PRESENT)
		c |= PAGE_IS_PRESENT;
	else
		c |= PAGE_IS_SWAPPED;
	if (e & PM_ENTRY_FILE)
		c |= PAGE_IS_FILE;
	if (e & PM_ENTRY_SOFT_DIRTY)
		c |= PAGE_IS_SOFT_DIRTY;
	if (e & PM_ENTRY_GUARD)
		c |= PAGE_IS_GUARD;
	if (!(e & PM_ENTRY_UFFD_WP))
		c |= PAGE_IS_WRITTEN;
	if (e & PM_ENTRY_PRESENT && zero && (e & PM_ENTRY_PFN) == zero)
		c |= PAGE_IS_PFNZERO;
	return c;
}

static bool page_matches(const struct pagemap_query *q, uint64_t categories)
{
	categories ^= q->inverted;
	return (categories & q->all_of) == q->all_of && (!q->any_of || categories & q->any_of);
}

/* False: no room for this page. */
static bool page_add(struct classic *c, uint64_t addr, uint64_t categories)
{
	struct page_region *last = c->used ? &c->vec[c->used - 1] : NULL;

	if (c->q->max_pages && c->pages == c->q->max_pages)
		return false;
	if (last && last->end == addr && last->categories == categories) {
		last->end += PAGE_BYTES;
	} else {
		if (c->used == c->nr)
			return false;
		c->vec[c->used++] = (struct page_region){
			.start = addr,
			.end = addr + PAGE_BYTES,
			.categories = categories,
		};
	}
	c->pages++;
	return true;
}

/* Where it stopped: behind the last entry, or at the page that has no room. */
static uint64_t classic_entries(struct classic *c, uint64_t addr, const uint64_t *entries,
				size_t nr)
{
	for (size_t i = 0; i < nr; i++, addr += PAGE_BYTES) {
		uint64_t categories = entry_categories(entries[i], c->zero);

		if (page_matches(c->q, categories) && !page_add(c, addr, categories & c->q->report))
			break;
	}
	return addr;
}

static int classic_check(const struct pagemap_query *q, size_t nr)
{
	if (!nr || q->start % PAGE_BYTES || q->end % PAGE_BYTES || q->start > q->end)
		return -EINVAL;
	if (q->flags || (q->all_of | q->any_of | q->inverted) & PAGE_IS_WPALLOWED)
		return -EOPNOTSUPP;
	return 0;
}

int pagemap_scan_classic(int fd, const struct pagemap_query *q, struct page_region *vec, size_t nr,
			 uint64_t *ret_walk_end)
{
	struct classic c = { .q = q, .vec = vec, .nr = nr < INT_MAX ? nr : INT_MAX };
	uint64_t entries[CLASSIC_ENTRIES], addr = q->start;
	int r = classic_check(q, nr);

	if (r < 0)
		return r;
	if ((q->all_of | q->any_of | q->inverted | q->report) & PAGE_IS_PFNZERO)
		c.zero = zero_frame();
	while (addr < q->end) {
		uint64_t left = (q->end - addr) / PAGE_BYTES, stop;
		size_t want = left < CLASSIC_ENTRIES ? (size_t)left : CLASSIC_ENTRIES;
		ssize_t n = pread(fd, entries, want * sizeof(*entries),
				  (off_t)(addr / PAGE_BYTES * sizeof(*entries)));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) { /* above the last address that the task can have */
			addr = q->end;
			break;
		}
		want = (size_t)n / sizeof(*entries);
		stop = addr + want * PAGE_BYTES;
		addr = classic_entries(&c, addr, entries, want);
		if (addr != stop)
			break;
	}
	*ret_walk_end = addr;
	return (int)c.used;
}

int pagemap_scan(int fd, const struct pagemap_query *q, struct page_region *vec, size_t nr,
		 uint64_t *ret_walk_end)
{
	int r = pagemap_scan_ioctl(fd, q, vec, nr, ret_walk_end);

	if (r == -ENOTTY || (r == -EINVAL && !classic_check(q, nr)))
		return pagemap_scan_classic(fd, q, vec, nr, ret_walk_end);
	return r;
}

/* A page of a new mapping is soft-dirty until clear_refs says otherwise, or never is. */
bool pagemap_has_soft_dirty(void)
{
	char *page =
	    mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cleanup_close int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (page == MAP_FAILED)
		return false;
	*(volatile char *)page = 1;
	if (fd < 0 || !entry_read(fd, (uintptr_t)page, &entry))
		entry = 0;
	munmap(page, PAGE_BYTES);
	return entry & PM_ENTRY_SOFT_DIRTY;
}

#define COLLECT_FIRST 512

int pagemap_collect(int fd, const struct pagemap_query *q, struct pagemap_regions *ret)
{
	struct pagemap_query rest = *q;

	rest.max_pages = 0;
	while (rest.start < rest.end) {
		uint64_t before = rest.start;
		int r;

		if (ret->cap - ret->nr < COLLECT_FIRST) {
			ret->cap = ret->cap ? ret->cap * 2 : COLLECT_FIRST;
			ret->v = mem_realloc(ret->v, ret->cap, sizeof(*ret->v));
		}
		r = pagemap_scan(fd, &rest, ret->v + ret->nr, ret->cap - ret->nr, &rest.start);
		if (r < 0)
			return r;
		if (rest.start <= before)
			return -EIO;
		ret->nr += (size_t)r;
	}
	return 0;
}

void pagemap_regions_append(struct pagemap_regions *to, const struct pagemap_regions *from)
{
	if (!from->nr)
		return;
	if (to->cap < to->nr + from->nr) {
		to->cap = 2 * (to->nr + from->nr);
		to->v = mem_realloc(to->v, to->cap, sizeof(*to->v));
	}
	memcpy(to->v + to->nr, from->v, from->nr * sizeof(*to->v));
	to->nr += from->nr;
}

void pagemap_regions_trim(struct pagemap_regions *l)
{
	if (!l->nr)
		pagemap_regions_done(l);
	else
		l->v = mem_realloc(l->v, l->cap = l->nr, sizeof(*l->v));
}

void pagemap_regions_done(struct pagemap_regions *l)
{
	free(l->v);
	*l = (struct pagemap_regions){ 0 };
}
