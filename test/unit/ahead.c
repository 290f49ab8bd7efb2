// SPDX-License-Identifier: GPL-2.0-only
/* Lists of pages that are copied ahead of the freeze, and whose marks they have. */
#include "criu/mem/ahead.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "criu/base/mem.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/syscalls.h"
#include "criu/mem/uffd.h"
#include "test/unit/test.h"

#define MARK    (PAGE_IS_WPALLOWED | PAGE_IS_PRESENT)
#define WRITTEN (PAGE_IS_WPALLOWED | PAGE_IS_PRESENT | PAGE_IS_WRITTEN)
#define OTHER   (PAGE_IS_PRESENT | PAGE_IS_WRITTEN) /* not registered */
#define STALE   PAGE_IS_PRESENT /* a mark where nothing is registered */

static void add(struct pagemap_regions *l, uint64_t from, uint64_t to, uint64_t is)
{
	*array_push(l->v, l->nr, l->cap) =
	    (struct page_region){ from * PAGE_BYTES, to * PAGE_BYTES, is };
}

static void add_vma(struct proc_vmas *l, uint64_t from, uint64_t to)
{
	*array_push(l->v, l->nr, l->cap) =
	    (struct proc_vma){ .start = from * PAGE_BYTES, .end = to * PAGE_BYTES };
}

/* "1-3 m 5-6 w": marked or written. */
static const char *text_of(const struct pagemap_regions *l)
{
	static char text[512];

	text[0] = '\0';
	for (size_t i = 0; i < l->nr; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%llu-%llu %s",
			 i ? " " : "", (unsigned long long)(l->v[i].start / PAGE_BYTES),
			 (unsigned long long)(l->v[i].end / PAGE_BYTES),
			 l->v[i].categories & PAGE_IS_WRITTEN     ? "w"
			 : l->v[i].categories & PAGE_IS_WPALLOWED ? "m"
								  : "-");
	return text;
}

struct lists {
	struct proc_vmas vmas;
	struct pagemap_regions now, fresh, ret;
};

static const char *listed(struct lists *x)
{
	ahead_list(&x->vmas, &x->now, &x->fresh, &x->ret);
	return text_of(&x->ret);
}

TEST(ahead_lists_what_has_a_mark)
{
	struct lists x = { .now = { 0 } };

	add_vma(&x.vmas, 0, 100);
	add(&x.now, 1, 10, MARK);
	add(&x.now, 10, 12, WRITTEN);
	add(&x.now, 12, 14, OTHER);
	add(&x.now, 14, 16, STALE);
	add(&x.now, 20, 30, MARK);
	CHECK_STR_EQ(listed(&x), "1-10 m 20-30 m");
}

TEST(ahead_copies_what_is_fresh)
{
	struct lists x = { .now = { 0 } };

	add_vma(&x.vmas, 0, 100);
	add(&x.now, 10, 20, MARK);
	add(&x.now, 20, 22, WRITTEN);
	add(&x.now, 22, 30, MARK);
	add(&x.fresh, 1, 3, 0); /* gone since */
	add(&x.fresh, 8, 11, 0);
	add(&x.fresh, 13, 14, 0);
	add(&x.fresh, 14, 15, 0);
	add(&x.fresh, 19, 23, 0); /* of which two have changed again */
	add(&x.fresh, 40, 41, 0);
	CHECK_STR_EQ(listed(&x), "10-11 w 11-13 m 13-15 w 15-19 m 19-20 w 22-23 w 23-30 m");
}

TEST(ahead_lists_mappings_alone)
{
	struct lists x = { .now = { 0 } };

	add_vma(&x.vmas, 5, 10);
	add_vma(&x.vmas, 10, 15);
	add_vma(&x.vmas, 20, 25);
	add(&x.now, 1, 22, MARK);
	add(&x.now, 24, 40, MARK);
	add(&x.fresh, 0, 6, 0);
	add(&x.fresh, 14, 21, 0);
	CHECK_STR_EQ(listed(&x), "5-6 w 6-14 m 14-15 w 20-21 w 21-22 m 24-25 m");
}

TEST(ahead_confines_to_what_is_covered)
{
	struct pagemap_regions covered = { 0 }, l = { 0 };

	add(&covered, 10, 20, 0);
	add(&covered, 20, 25, 0);
	add(&covered, 30, 40, 0);
	add(&l, 5, 12, MARK);
	add(&l, 12, 13, WRITTEN);
	add(&l, 13, 14, OTHER);
	add(&l, 18, 22, MARK);
	add(&l, 24, 32, MARK);
	add(&l, 50, 51, MARK);
	ahead_confine(&covered, &l);
	CHECK_STR_EQ(text_of(&l), "5-10 w 10-12 m 12-13 w 13-14 w 18-22 m 24-25 m 25-30 w "
				  "30-32 m 50-51 w");
	covered.nr = 0;
	ahead_confine(&covered, &l);
	CHECK(!strchr(text_of(&l), 'm'));
}

/* --- whose marks ------------------------------------------------------------------ */

static int uffd_new(void)
{
	struct uffdio_api api = { .api = UFFD_API,
				  .features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED };
	int fd = sys_userfaultfd(O_CLOEXEC | UFFD_USER_MODE_ONLY);

	CHECK(fd >= 0);
	/* EINVAL: a kernel before Linux 6.7. Anything else is no reason. */
	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) < 0 && CHECK_INT_EQ(errno, EINVAL))
		test_skip("userfaultfd with UFFD_FEATURE_WP_ASYNC");
	return fd;
}

static bool is_registered(const char *page)
{
	struct pagemap_query q = {
		.start = (uintptr_t)page,
		.end = (uintptr_t)page + PAGE_BYTES,
		.all_of = PAGE_IS_WPALLOWED,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct page_region found;
	uint64_t end;
	int r = pagemap_scan_ioctl(fd, &q, &found, 1, &end);

	close(fd);
	CHECK(r >= 0);
	return r > 0;
}

static uint64_t end_of_vvar(void)
{
	struct proc_buf b = { 0 };
	struct proc_vmas vmas = { 0 };
	int self = proc_open(getpid());
	uint64_t end = 0;

	CHECK_INT_EQ(proc_maps_read(self, &b, &vmas), 0);
	for (size_t i = 0; i < vmas.nr; i++)
		if (vmas.v[i].special == PROC_VMA_VVAR)
			end = vmas.v[i].end;
	proc_vmas_done(&vmas);
	close(self);
	return end;
}

TEST(ahead_asks_whose_marks_without_setting_any)
{
	char *pages = mmap(NULL, 3 * PAGE_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t at = (uintptr_t)pages, wall = end_of_vvar();
	int own = uffd_new(), other = uffd_new();

	if (!CHECK(pages != MAP_FAILED && wall > at))
		return;
	CHECK(!uffd_meets_other(own, at, wall));
	CHECK(!is_registered(pages));
	CHECK_INT_EQ(uffd_track(own, at, at + PAGE_BYTES), 0);
	CHECK(!uffd_meets_other(own, at, wall));
	CHECK(uffd_meets_other(other, at, wall));
	CHECK_INT_EQ(uffd_track(other, at + 2 * PAGE_BYTES, at + 3 * PAGE_BYTES), 0);
	CHECK(uffd_meets_other(own, at, wall));
	CHECK(uffd_meets_other(own, at + 2 * PAGE_BYTES, wall));
	CHECK(!is_registered(pages + PAGE_BYTES));
	close(other);
	CHECK(!uffd_meets_other(own, at, wall));
	CHECK(!is_registered(pages + PAGE_BYTES));
}
