// SPDX-License-Identifier: GPL-2.0-only
/*
 * smaps is what tells the flags of a mapping in words, but for that the kernel looks at each page:
 * 35 ms a GiB of small pages. So mappings of our own are given those that mappings often have, and
 * are read in both ways, before anybody stands still: alike_flags.c draws the conclusions.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/alike.h"
#include "criu/kernel/syscalls.h"
#include "criu/kernel/uapi.h"

#define RW (PROT_READ | PROT_WRITE)

/* A page of memory. */
struct probe {
	int prot, flags, advice; /* 0: none */
	enum { NOT_LOCKED, LOCKED, LOCKED_ON_FAULT } lock;
	bool of_file; /* that must not be written to */
};

/* For each bit that mappings often have, one that differs from the first in little else. */
static const struct probe probes[] = {
	{ .prot = RW, .flags = MAP_PRIVATE },
	{ .prot = PROT_NONE, .flags = MAP_PRIVATE },
	{ .prot = PROT_READ, .flags = MAP_PRIVATE },
	{ .prot = RW | PROT_EXEC, .flags = MAP_PRIVATE },
	{ .prot = RW, .flags = MAP_PRIVATE | MAP_NORESERVE },
	{ .prot = RW, .flags = MAP_PRIVATE | MAP_GROWSDOWN },
	{ .prot = RW, .flags = MAP_PRIVATE, .advice = MADV_NOHUGEPAGE },
	{ .prot = RW, .flags = MAP_PRIVATE, .advice = MADV_HUGEPAGE },
	{ .prot = RW, .flags = MAP_PRIVATE, .advice = MADV_DONTDUMP },
	{ .prot = RW, .flags = MAP_PRIVATE, .advice = MADV_DONTFORK },
	{ .prot = RW, .flags = MAP_PRIVATE, .advice = MADV_WIPEONFORK },
	{ .prot = RW, .flags = MAP_PRIVATE, .advice = MADV_MERGEABLE },
	{ .prot = RW, .flags = MAP_PRIVATE, .advice = MADV_SEQUENTIAL },
	{ .prot = RW, .flags = MAP_PRIVATE, .advice = MADV_RANDOM },
	{ .prot = RW, .flags = MAP_PRIVATE, .lock = LOCKED },
	{ .prot = RW, .flags = MAP_PRIVATE, .lock = LOCKED_ON_FAULT },
	{ .prot = RW, .flags = MAP_SHARED },
	{ .prot = PROT_READ, .flags = MAP_SHARED, .of_file = true },
};

#define STRIDE (2 * PAGE_BYTES) /* so that none becomes one with its neighbour */
#define ROOM   ((ARRAY_SIZE(probes) + 1) * STRIDE)

/* As mem/uffd.c makes it: tracked mappings have one flag more. */
static int uffd_open(void)
{
	struct uffdio_api api = { .api = UFFD_API,
				  .features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED };
	int fd = sys_userfaultfd(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void probe_make(const struct probe *p, char *at, int file, int uffd)
{
	int fd = p->of_file ? file : -1;
	struct uffdio_register reg = { .range = { (uintptr_t)at, PAGE_BYTES },
				       .mode = UFFDIO_REGISTER_MODE_WP };

	if (mmap(at, PAGE_BYTES, p->prot, MAP_FIXED | p->flags | (p->of_file ? 0 : MAP_ANONYMOUS),
		 fd, 0) == MAP_FAILED)
		return;
	if (p->advice)
		madvise(at, PAGE_BYTES, p->advice);
	if (p->lock)
		mlock2(at, PAGE_BYTES, p->lock == LOCKED ? 0 : MLOCK_ONFAULT);
	if (uffd >= 0)
		ioctl(uffd, UFFDIO_REGISTER, &reg);
}

int alike_learn_flags(struct alike *a)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_vmas own = { 0 };
	cleanup_close int self = proc_open(getpid());
	cleanup_close int uffd = uffd_open();
	cleanup_close int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char *room = mmap(NULL, ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *at = room;
	int r;

	if (self < 0 || room == MAP_FAILED)
		return self < 0 ? self : -ENOMEM;
	munmap(room, ROOM);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++, at += STRIDE)
		probe_make(&probes[i], at, file, -1);
	if (uffd >= 0)
		probe_make(&probes[0], at, -1, uffd);
	r = alike_smaps_read(a, getpid(), self, &b, &own);
	proc_vmas_done(&own);
	munmap(room, ROOM);
	return r;
}

void alike_take_flags(struct alike *a, const struct alike *from)
{
	a->flags = mem_dup(from->flags, from->nr_flags * sizeof(*a->flags));
	a->nr_flags = a->cap_flags = from->nr_flags;
}
