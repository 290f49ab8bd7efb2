// SPDX-License-Identifier: GPL-2.0-only
/* Pages of a child whose memory we know, by the ioctl and by the classic file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/mem.h"
#include "criu/kernel/feature.h"
#include "criu/kernel/pagemap.h"
#include "test/unit/test.h"

typedef int scan_fn(int fd, const struct pagemap_query *q, struct page_region *vec, size_t nr,
		    uint64_t *ret_walk_end);

static const struct {
	const char *name;
	scan_fn *fn;
} ways[] = {
	{ "ioctl", pagemap_scan_ioctl },
	{ "classic", pagemap_scan_classic },
	{ "either", pagemap_scan },
};

#define PAGES 64

/* Pages 0-3 written, 4-7 only read (zero page), 8-15 untouched, 16 written, then all others. */
static char *pages_make(void)
{
	char *p = mmap(NULL, PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(p, PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i++) {
		volatile char *page = p + (size_t)i * PAGE_BYTES;

		if (i < 4 || i == 16)
			*page = 1;
		else if (i < 8)
			(void)*page;
	}
	return p;
}

struct child {
	pid_t pid;
	int pagemap;
	uint64_t start;
};

/* The child makes the pages itself: after a fork the zero page would not be in its table. */
static struct child child_start(void)
{
	struct child c = { .pagemap = -1 };
	char path[64];
	int fds[2];

	if (pipe(fds) < 0)
		return c;
	c.pid = fork();
	if (!c.pid) {
		uint64_t start = (uintptr_t)pages_make();

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(fds[1], &start, sizeof(start)) != sizeof(start))
			_exit(1);
		for (;;)
			pause();
	}
	CHECK(read(fds[0], &c.start, sizeof(c.start)) == sizeof(c.start));
	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)c.pid);
	c.pagemap = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(c.pagemap >= 0);
	return c;
}

static void child_end(struct child *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->pagemap);
}

static bool way_missing(size_t way)
{
	return ways[way].fn == pagemap_scan_ioctl && feature_has(FEATURE_PAGEMAP_SCAN) != 1;
}

static void check_region(const struct child *c, const struct page_region *r, size_t from, size_t to,
			 uint64_t categories)
{
	CHECK_INT_EQ((r->start - c->start) / PAGE_BYTES, from);
	CHECK_INT_EQ((r->end - c->start) / PAGE_BYTES, to);
	CHECK_INT_EQ(r->categories, categories);
}

static struct pagemap_query query(const struct child *c)
{
	return (struct pagemap_query){
		.start = c->start,
		.end = c->start + PAGES * PAGE_BYTES,
		.any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.report = PAGE_IS_PRESENT | PAGE_IS_SWAPPED | PAGE_IS_PFNZERO | PAGE_IS_FILE,
	};
}

TEST(kernel_pagemap_of_a_child)
{
	struct child c = child_start();

	for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
		struct pagemap_query q = query(&c);
		struct page_region v[8];
		uint64_t end = 0;

		test_note("%s", ways[w].name);
		if (way_missing(w))
			continue;
		if (CHECK_INT_EQ(ways[w].fn(c.pagemap, &q, v, 8, &end), 3)) {
			check_region(&c, &v[0], 0, 4, PAGE_IS_PRESENT);
			check_region(&c, &v[1], 4, 8, PAGE_IS_PRESENT | PAGE_IS_PFNZERO);
			check_region(&c, &v[2], 16, 17, PAGE_IS_PRESENT);
		}
		CHECK_INT_EQ(end, q.end);

		/* what holds data: not the zero page */
		q.all_of = q.inverted = PAGE_IS_PFNZERO;
		q.report = PAGE_IS_PRESENT;
		if (CHECK_INT_EQ(ways[w].fn(c.pagemap, &q, v, 8, &end), 2)) {
			check_region(&c, &v[0], 0, 4, PAGE_IS_PRESENT);
			check_region(&c, &v[1], 16, 17, PAGE_IS_PRESENT);
		}
		/* no page at all */
		q = query(&c);
		q.start = q.end;
		CHECK_INT_EQ(ways[w].fn(c.pagemap, &q, v, 8, &end), 0);
		CHECK_INT_EQ(end, q.end);
	}
	child_end(&c);
}

TEST(kernel_pagemap_stops_and_goes_on)
{
	struct child c = child_start();

	for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
		struct pagemap_query q = query(&c);
		struct page_region v[2];
		uint64_t end = 0;

		test_note("%s", ways[w].name);
		if (way_missing(w))
			continue;
		CHECK_INT_EQ(ways[w].fn(c.pagemap, &q, v, 2, &end), 2);
		CHECK(end >= c.start + 8 * PAGE_BYTES && end <= c.start + 16 * PAGE_BYTES);
		q.start = end;
		if (CHECK_INT_EQ(ways[w].fn(c.pagemap, &q, v, 2, &end), 1))
			check_region(&c, &v[0], 16, 17, PAGE_IS_PRESENT);
		CHECK_INT_EQ(end, q.end);

		q = query(&c);
		q.max_pages = 3;
		if (CHECK_INT_EQ(ways[w].fn(c.pagemap, &q, v, 2, &end), 1))
			check_region(&c, &v[0], 0, 3, PAGE_IS_PRESENT);
		CHECK_INT_EQ((end - c.start) / PAGE_BYTES, 3);
	}
	child_end(&c);
}

/* More regions than one call returns, in both ways the same. */
TEST(kernel_pagemap_collects_thousands)
{
	struct pagemap_regions all = { 0 };
	size_t pages = 20000, nr = 0;
	char *p = mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pagemap_query q = {
		.start = (uintptr_t)p,
		.end = (uintptr_t)p + pages * PAGE_BYTES,
		.any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.report = PAGE_IS_PRESENT | PAGE_IS_PFNZERO,
	};
	struct page_region *v = malloc(pages * sizeof(*v));
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t end = 0;
	int classic;

	madvise(p, pages * PAGE_BYTES, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < pages; i++)
		if (i % 2 == 0) {
			p[i * PAGE_BYTES] = 1;
			nr++;
		}
	classic = pagemap_scan_classic(fd, &q, v, pages, &end);
	CHECK_INT_EQ(classic, nr);
	CHECK_INT_EQ(pagemap_collect(fd, &q, &all), 0);
	if (CHECK_INT_EQ(all.nr, nr))
		CHECK(!memcmp(all.v, v, nr * sizeof(*v)));
	CHECK_INT_EQ(v[1].start, (uintptr_t)p + 2 * PAGE_BYTES);
	pagemap_regions_done(&all);
	free(v);
	close(fd);
}

TEST(kernel_pagemap_of_files)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), memfd = memfd_create("x", 0);
	char *p;

	CHECK(ftruncate(memfd, 4 * PAGE_BYTES) == 0);
	p = mmap(NULL, 4 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, memfd, 0);
	CHECK(*(volatile char *)p == 0);
	p[PAGE_BYTES] = 1; /* a private copy is no page of the file */
	for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
		struct pagemap_query q = {
			.start = (uintptr_t)p,
			.end = (uintptr_t)p + 2 * PAGE_BYTES,
			.all_of = PAGE_IS_PRESENT,
			.report = PAGE_IS_FILE,
		};
		struct page_region v[4];
		uint64_t end;

		test_note("%s", ways[w].name);
		if (way_missing(w))
			continue;
		if (CHECK_INT_EQ(ways[w].fn(fd, &q, v, 4, &end), 2)) {
			CHECK_INT_EQ(v[0].categories, PAGE_IS_FILE);
			CHECK_INT_EQ(v[1].categories, 0);
		}
		q.inverted = PAGE_IS_FILE;
		q.all_of |= PAGE_IS_FILE;
		if (CHECK_INT_EQ(ways[w].fn(fd, &q, v, 4, &end), 1))
			CHECK_INT_EQ(v[0].start, (uintptr_t)p + PAGE_BYTES);
	}
	close(fd);
}

/* A guard page is SWAPPED too: who wants contents must leave out GUARD. */
TEST(kernel_pagemap_of_guard_pages)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	char *p = pages_make();

	if (feature_has(FEATURE_PAGEMAP_SCAN_GUARD_PAGES) != 1)
		test_skip("pagemap_scan_guard_pages");
	CHECK(madvise(p + 2 * PAGE_BYTES, PAGE_BYTES, MADV_GUARD_INSTALL) == 0);
	for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
		struct pagemap_query q = {
			.start = (uintptr_t)p,
			.end = (uintptr_t)p + 4 * PAGE_BYTES,
			.any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
			.report = PAGE_IS_PRESENT | PAGE_IS_SWAPPED | PAGE_IS_GUARD,
		};
		struct page_region v[4];
		uint64_t end;

		test_note("%s", ways[w].name);
		if (CHECK_INT_EQ(ways[w].fn(fd, &q, v, 4, &end), 3)) {
			CHECK_INT_EQ(v[0].categories, PAGE_IS_PRESENT);
			CHECK_INT_EQ(v[1].categories, PAGE_IS_SWAPPED | PAGE_IS_GUARD);
			CHECK_INT_EQ(v[1].start, (uintptr_t)p + 2 * PAGE_BYTES);
		}
	}
	close(fd);
}

TEST(kernel_pagemap_refuses)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int none = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct pagemap_query q = { .start = 0x1000, .end = 0x2000 };
	struct page_region v;
	uint64_t end = 77;

	q.start++;
	CHECK_INT_EQ(pagemap_scan(fd, &q, &v, 1, &end), -EINVAL);
	q.start--;
	CHECK_INT_EQ(pagemap_scan_classic(fd, &q, &v, 0, &end), -EINVAL);
	q.flags = PM_SCAN_WP_MATCHING;
	CHECK_INT_EQ(pagemap_scan_classic(fd, &q, &v, 1, &end), -EOPNOTSUPP);
	CHECK_INT_EQ(pagemap_scan_ioctl(none, &q, &v, 1, &end), -ENOTTY);
	CHECK_INT_EQ(end, 77);
	close(fd);
	close(none);
}
