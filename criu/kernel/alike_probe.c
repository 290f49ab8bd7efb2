// SPDX-License-Identifier: GPL-2.0-only
/*
 * smaps is what tells the flags of a mapping in words, but for that the kernel looks at each page:
 * 35 ms a GiB of small pages, for a word that is nearly always one of a few. So mappings of our own
 * are given those, and read in both ways, before anybody stands still.
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

/* Of private memory of a page. */
struct probe {
	int prot, flags, advice[2]; /* 0: none */
	int was; /* rights that it is made with: they decide whether its memory is accounted */
};

static const struct probe probes[] = {
	{ RW, 0, { 0, 0 }, RW },
	{ RW, 0, { MADV_NOHUGEPAGE, 0 }, RW },
	{ RW, 0, { MADV_HUGEPAGE, 0 }, RW },
	{ RW, 0, { MADV_DONTDUMP, 0 }, RW },
	{ RW, 0, { MADV_DONTFORK, 0 }, RW },
	{ RW, 0, { MADV_DONTDUMP, MADV_DONTFORK }, RW },
	{ RW, 0, { MADV_DONTDUMP, MADV_HUGEPAGE }, RW },
	{ RW, 0, { MADV_MERGEABLE, 0 }, RW },
	{ RW, MAP_NORESERVE, { 0, 0 }, RW },
	{ RW, MAP_NORESERVE, { MADV_NOHUGEPAGE, 0 }, RW },
	{ RW, MAP_NORESERVE, { MADV_HUGEPAGE, 0 }, RW },
	{ RW, MAP_NORESERVE, { MADV_DONTDUMP, 0 }, RW },
	{ RW | PROT_EXEC, 0, { 0, 0 }, RW | PROT_EXEC },
	{ RW | PROT_EXEC, MAP_NORESERVE, { 0, 0 }, RW | PROT_EXEC },
	{ PROT_READ, 0, { 0, 0 }, PROT_READ },
	{ PROT_NONE, 0, { 0, 0 }, PROT_NONE },
	{ PROT_NONE, MAP_NORESERVE, { 0, 0 }, PROT_NONE },
	{ RW, 0, { 0, 0 }, PROT_NONE },
	{ RW, MAP_NORESERVE, { 0, 0 }, PROT_NONE },
	{ PROT_NONE, 0, { 0, 0 }, RW },
	{ PROT_NONE, 0, { MADV_DONTDUMP, 0 }, RW },
	{ PROT_READ, 0, { 0, 0 }, RW },
	{ PROT_READ | PROT_EXEC, 0, { 0, 0 }, RW },
	{ PROT_NONE, MAP_NORESERVE, { 0, 0 }, RW },
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

static void probe_make(const struct probe *p, char *at, int uffd)
{
	struct uffdio_register reg = { .range = { (uintptr_t)at, PAGE_BYTES },
				       .mode = UFFDIO_REGISTER_MODE_WP };

	if (mmap(at, PAGE_BYTES, p->was, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | p->flags, -1,
		 0) == MAP_FAILED)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(p->advice); i++)
		if (p->advice[i])
			madvise(at, PAGE_BYTES, p->advice[i]);
	if (p->was & PROT_WRITE && p->was != p->prot)
		*(volatile char *)at = 1; /* what has no page yet gives back what it may take */
	mprotect(at, PAGE_BYTES, p->prot);
	if (uffd >= 0)
		ioctl(uffd, UFFDIO_REGISTER, &reg);
}

/* Two that differ in that word only, and in one bit. */
static void tracked_find(struct alike *a)
{
	for (size_t i = 0; i < a->nr_flags; i++)
		for (size_t j = 0; j < a->nr_flags; j++) {
			const struct alike_flags *with = &a->flags[i], *without = &a->flags[j];
			uint64_t bit = with->raw ^ without->raw;

			if (with->vmflags != (without->vmflags ^ PROC_VMF(UW)) ||
			    !(with->vmflags & PROC_VMF(UW)) || bit & (bit - 1))
				continue;
			a->tracked = bit;
		}
}

int alike_learn_flags(struct alike *a)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_vmas own = { 0 };
	cleanup_close int self = proc_open(getpid());
	cleanup_close int uffd = uffd_open();
	char *room = mmap(NULL, ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *at = room;
	int r;

	if (self < 0 || room == MAP_FAILED)
		return self < 0 ? self : -ENOMEM;
	munmap(room, ROOM);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++, at += STRIDE)
		probe_make(&probes[i], at, -1);
	if (uffd >= 0)
		probe_make(&probes[0], at, uffd);
	r = alike_smaps_read(a, getpid(), self, &b, &own);
	proc_vmas_done(&own);
	tracked_find(a);
	munmap(room, ROOM);
	return r;
}

void alike_take_flags(struct alike *a, const struct alike *from)
{
	a->flags = mem_dup(from->flags, from->nr_flags * sizeof(*a->flags));
	a->nr_flags = a->cap_flags = from->nr_flags;
	a->tracked = from->tracked;
}
