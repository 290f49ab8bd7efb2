// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that are write-protected by a userfaultfd are so afterwards, and no others: those that are
 * there, those that never were, of private and of shared memory; also where marks go by themselves
 * (UFFD_FEATURE_WP_ASYNC).
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

#define PAGE   4096ul
#define PAGES  64
#define MARKED (1ull << 57) /* of an entry of pagemap */

/* Every third is protected, every fifth was never there. */
static bool is_marked(int page)
{
	return page % 3 == 0;
}

static bool is_there(int page)
{
	return page % 5 != 0;
}

static int uffd_new(unsigned long long features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = (int)must(syscall(SYS_userfaultfd, O_NONBLOCK));

	must(ioctl(fd, UFFDIO_API, &api));
	return fd;
}

static char *range_new(int fd, int flags)
{
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = { .range = { (uintptr_t)at, PAGES * PAGE },
				       .mode = UFFDIO_REGISTER_MODE_WP };

	must(at == MAP_FAILED ? -1 : 0);
	must(ioctl(fd, UFFDIO_REGISTER, &reg));
	for (int i = 0; i < PAGES; i++)
		if (is_there(i))
			memset(at + i * PAGE, i + 1, PAGE);
	for (int i = 0; i < PAGES; i++) {
		struct uffdio_writeprotect wp = { .range = { (uintptr_t)at + i * PAGE, PAGE },
						  .mode = UFFDIO_WRITEPROTECT_MODE_WP };

		if (is_marked(i))
			must(ioctl(fd, UFFDIO_WRITEPROTECT, &wp));
	}
	return at;
}

static bool has_mark(const char *at)
{
	int fd = (int)must(open("/proc/self/pagemap", O_RDONLY));
	uint64_t entry = 0;

	must(pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)at / PAGE * sizeof(entry))));
	close(fd);
	return entry & MARKED;
}

/* The number of the first page that is not as it was. */
static int marks_check(const char *at)
{
	for (int i = 0; i < PAGES; i++)
		if (has_mark(at + i * PAGE) != is_marked(i))
			return i;
	return PAGES;
}

static int contents_check(const char *at)
{
	for (int i = 0; i < PAGES; i++)
		if (at[i * PAGE + 7] != (is_there(i) ? i + 1 : 0))
			return i;
	return PAGES;
}

static void *writer(void *arg)
{
	*(volatile char *)arg = 'x';
	return NULL;
}

static int told_of_write(int fd, char *at)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct uffdio_writeprotect wp = { .range = { (uintptr_t)at, PAGE } };
	pthread_t thread;
	struct uffd_msg m;

	must0(pthread_create(&thread, NULL, writer, at));
	must(poll(&p, 1, -1));
	must(read(fd, &m, sizeof(m)));
	must(ioctl(fd, UFFDIO_WRITEPROTECT, &wp));
	must0(pthread_join(thread, NULL));
	return m.event == UFFD_EVENT_PAGEFAULT && m.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP &&
	       (m.arg.pagefault.address & ~(PAGE - 1)) == (uintptr_t)at && *at == 'x';
}

int main(int argc, char **argv)
{
	const unsigned long long features = UFFD_FEATURE_PAGEFAULT_FLAG_WP |
					    UFFD_FEATURE_WP_HUGETLBFS_SHMEM |
					    UFFD_FEATURE_WP_UNPOPULATED;
	char *at[3];
	int fd, async;

	test_init(argc, argv);
	fd = uffd_new(features);
	async = uffd_new(features | UFFD_FEATURE_WP_ASYNC);
	at[0] = range_new(fd, MAP_PRIVATE);
	at[1] = range_new(fd, MAP_SHARED);
	at[2] = range_new(async, MAP_PRIVATE);
	for (int i = 0; i < 3; i++)
		expect(marks_check(at[i]) == PAGES, "range %d has no marks to begin with", i);
	test_daemon();
	test_waitsig();

	for (int i = 0; i < 3; i++)
		if (marks_check(at[i]) != PAGES)
			return fail("range %d: page %d: mark lost, or new", i, marks_check(at[i]));
	for (int i = 0; i < 3; i++)
		if (contents_check(at[i]) != PAGES)
			return fail("range %d: page %d: contents", i, contents_check(at[i]));
	for (int i = 0; i < 2; i++)
		if (!told_of_write(fd, at[i] + 3 * PAGE))
			return fail("range %d: a write to a protected page is not told", i);
	at[2][3 * PAGE] = 'x';
	if (has_mark(at[2] + 3 * PAGE))
		return fail("the mark has not gone by itself");
	return pass();
}
