// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/feature_probe.h"
#include "criu/kernel/pagemap.h"
#include "criu/kernel/syscalls.h"

static char *pages_map(size_t nr)
{
	char *p =
	    mmap(NULL, nr * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int pagemap_open(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int uffd_open(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	cleanup_close int fd = sys_userfaultfd(O_CLOEXEC | O_NONBLOCK);

	if (fd == -EPERM) /* vm.unprivileged_userfaultfd 0: faults of the kernel are not ours */
		fd = sys_userfaultfd(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (fd < 0)
		return fd;
	if (ioctl(fd, UFFDIO_API, &api) < 0)
		return -errno;
	return take_fd(&fd);
}

/* Two pages are write-protected, the second is written, and the scan must name that one. */
static int wp_async_at(int pagemap, int uffd, char *pages)
{
	uint64_t start = (uintptr_t)pages, walk_end;
	struct uffdio_register reg = {
		.range = { .start = start, .len = 2 * PAGE_BYTES },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect wp = {
		.range = { .start = start, .len = 2 * PAGE_BYTES },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	struct pagemap_query q = {
		.start = start,
		.end = start + 2 * PAGE_BYTES,
		.all_of = PAGE_IS_WRITTEN,
		.report = PAGE_IS_WRITTEN,
		.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
	};
	struct page_region region;
	int r;

	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0 || ioctl(uffd, UFFDIO_WRITEPROTECT, &wp) < 0)
		return probe_missing(errno);
	pages[PAGE_BYTES] = 1;
	r = pagemap_scan_ioctl(pagemap, &q, &region, 1, &walk_end);
	if (r < 0)
		return probe_missing(-r);
	return r == 1 && region.start == start + PAGE_BYTES && region.end == q.end;
}

static int dirty_track(char *pages)
{
	cleanup_close int pagemap = pagemap_open();
	cleanup_close int uffd = -1;

	if (pagemap < 0)
		return probe_missing(-pagemap);
	if (pagemap_has_soft_dirty())
		return 1;
	uffd = uffd_open(UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED);
	if (uffd < 0)
		return probe_missing(-uffd);
	return wp_async_at(pagemap, uffd, pages);
}

int probe_mem_dirty_track(void)
{
	char *pages = pages_map(2);
	int r;

	if (!pages)
		return -errno;
	r = dirty_track(pages);
	munmap(pages, 2 * PAGE_BYTES);
	return r;
}

int probe_uffd(void)
{
	cleanup_close int fd = uffd_open(0);

	return fd < 0 ? probe_missing(-fd) : 1;
}

int probe_uffd_noncoop(void)
{
	cleanup_close int fd = uffd_open(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |
					 UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP);

	return fd < 0 ? probe_missing(-fd) : 1;
}

/* One page that is there. */
static int scan_one(const char *page, uint64_t category)
{
	cleanup_close int fd = pagemap_open();
	struct pagemap_query q = {
		.start = (uintptr_t)page,
		.end = (uintptr_t)page + PAGE_BYTES,
		.all_of = category,
		.report = category,
	};
	struct page_region region;
	uint64_t walk_end;
	int r;

	if (fd < 0)
		return probe_missing(-fd);
	r = pagemap_scan_ioctl(fd, &q, &region, 1, &walk_end);
	if (r < 0)
		return probe_missing(-r);
	return r == 1 && region.start == q.start && region.end == q.end;
}

int probe_pagemap_scan(void)
{
	char *page = pages_map(1);
	int r;

	if (!page)
		return -errno;
	*page = 1;
	r = scan_one(page, PAGE_IS_PRESENT);
	munmap(page, PAGE_BYTES);
	return r;
}

int probe_pagemap_scan_guard_pages(void)
{
	char *page = pages_map(1);
	int r;

	if (!page)
		return -errno;
	if (madvise(page, PAGE_BYTES, MADV_GUARD_INSTALL) < 0)
		r = probe_missing(errno);
	else
		r = scan_one(page, PAGE_IS_GUARD);
	munmap(page, PAGE_BYTES);
	return r;
}

/* The start of the ring that io_setup maps (struct aio_ring of fs/aio.c). */
struct ring_head {
	uint32_t id, nr, head, tail, magic, compat, incompat, header_length;
};

/* A context's name is the address of its ring: after a move it must answer to the new one. */
static int aio_remap_child(void)
{
	struct timespec now = { 0 };
	struct io_event event;
	union {
		aio_context_t id;
		struct ring_head *ring;
	} ctx = { .id = 0 };
	size_t size;
	char *to;

	if (syscall(SYS_io_setup, 16, &ctx.id) < 0)
		return probe_missing(errno);
	size = PAGE_UP(sizeof(*ctx.ring) + ctx.ring->nr * sizeof(event));
	to = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (to == MAP_FAILED)
		return -errno;
	if (mremap(ctx.ring, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return probe_missing(errno);
	return syscall(SYS_io_getevents, to, 0, 1, &event, &now) == 0;
}

int probe_aio_remap(void)
{
	return probe_in_child(aio_remap_child);
}

int probe_memfd_hugetlb(void)
{
	cleanup_close int fd = memfd_create("crtool", MFD_HUGETLB | MFD_CLOEXEC);

	return fd < 0 ? probe_missing(errno) : 1;
}

#ifdef __x86_64__
#define ARCH_MAP_VDSO_32_ 0x2002
#define ARCH_MAP_VDSO_64_ 0x2003

/* A process has one vdso: the answer is EEXIST where the call is known. */
static int map_vdso(int op)
{
	if (syscall(SYS_arch_prctl, op, 0) >= 0 || errno == EEXIST)
		return 1;
	return probe_missing(errno);
}

static int map_vdso_child(void)
{
	return map_vdso(ARCH_MAP_VDSO_64_);
}

int probe_can_map_vdso(void)
{
	return probe_in_child(map_vdso_child);
}

/* A 32-bit getpid. Where 32-bit system calls are off this is a fault, and the child dies. */
static int compat_child(void)
{
	long pid = 20;

	if (map_vdso(ARCH_MAP_VDSO_32_) != 1)
		return 0;
	asm volatile("int $0x80" : "+a"(pid) : : "memory", "r8", "r9", "r10", "r11");
	return pid == getpid();
}

int probe_compat_cr(void)
{
	return probe_in_child(compat_child);
}
#else
int probe_can_map_vdso(void)
{
	return 0;
}

int probe_compat_cr(void)
{
	return 0;
}
#endif
