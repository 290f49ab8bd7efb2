// SPDX-License-Identifier: GPL-2.0-only
/*
 * One PAGEMAP_SCAN for the whole address space; but large anonymous mappings get one of their
 * own, that does not ask which pages are of files: none is, and the kernel has to look at each
 * page (struct page) to tell, not only at the page table, which takes three times as long.
 */
#include "criu/mem/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/kernel/feature.h"
#include "criu/mem/vma.h"

#define LARGE_BYTES (16ull << 20)

static bool is_large_anon(const struct proc_vma *v)
{
	uint32_t kind = vma_kind(v);

	return v->end - v->start >= LARGE_BYTES && kind & VMA_ANON_PRIVATE &&
	       !(kind & (VMA_VDSO | VMA_VVAR | VMA_VSYSCALL));
}

static int scan_range(int fd, struct pagemap_query q, uint64_t start, uint64_t end,
		      uint64_t inverted, struct pagemap_regions *ret)
{
	if (start >= end)
		return 0;
	q.start = start;
	q.end = end;
	q.inverted |= inverted;
	q.all_of |= q.inverted;
	return pagemap_collect(fd, &q, ret);
}

/* Before Linux 6.15 they look like swapped pages. */
static uint64_t tells_guards(void)
{
	return feature_has(FEATURE_PAGEMAP_SCAN_GUARD_PAGES) > 0 ? PAGE_IS_GUARD : 0;
}

/* Without PAGEMAP_SCAN (Linux 6.7) each page of a range is read, mapped or not: of a whole address
 * space that would take hours. */
static int scan_mappings(int fd, const struct task *t, const struct pagemap_query *q,
			 struct pagemap_regions *ret)
{
	for (size_t i = 0; i < t->vmas.nr; i++) {
		const struct proc_vma *v = &t->vmas.v[i];
		int r =
		    v->special == PROC_VMA_VSYSCALL
			? 0
			: scan_range(fd, *q, v->start, v->end, PAGE_IS_FILE | PAGE_IS_PFNZERO, ret);

		if (r < 0)
			return fail(-r, "pages %llx-%llx", (unsigned long long)v->start,
				    (unsigned long long)v->end);
	}
	return 0;
}

static int scan(const struct task *t, const struct pagemap_query *q, struct pagemap_regions *ret)
{
	char path[32];
	cleanup_close int fd = -1;
	uint64_t at = 0;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)task_tid(t));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, "open %s", path);
	if (feature_has(FEATURE_PAGEMAP_SCAN) <= 0)
		return fail_at(scan_mappings(fd, t, q, ret), "scan %s", path);
	for (size_t i = 0; i < t->vmas.nr && r >= 0; i++) {
		const struct proc_vma *v = &t->vmas.v[i];

		if (!is_large_anon(v))
			continue;
		r = scan_range(fd, *q, at, v->start, PAGE_IS_FILE | PAGE_IS_PFNZERO, ret);
		if (r >= 0)
			r = scan_range(fd, *q, v->start, v->end, PAGE_IS_PFNZERO, ret);
		at = v->end;
	}
	if (r >= 0)
		r = scan_range(fd, *q, at, TASK_END, PAGE_IS_FILE | PAGE_IS_PFNZERO, ret);
	return r < 0 ? fail(-r, "scan %s", path) : 0;
}

int scan_own_pages(const struct task *t, uint64_t report, struct pagemap_regions *ret)
{
	struct pagemap_query q = {
		.any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.report = report | tells_guards(),
	};

	return scan(t, &q, ret);
}

int scan_and_protect(const struct task *t)
{
	struct pagemap_query q = {
		.all_of = PAGE_IS_WPALLOWED | PAGE_IS_WRITTEN,
		.any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.inverted = tells_guards(),
		.flags = PM_SCAN_WP_MATCHING,
	};
	struct pagemap_regions regions = { 0 };
	int r = scan(t, &q, &regions);

	pagemap_regions_done(&regions);
	return r;
}
