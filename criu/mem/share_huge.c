// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of a range that has all pages of a huge page, each huge page is read aside and moved to its
 * place (UFFDIO_MOVE), as tasks do with what they read by themselves: see fill.c. And a fork
 * copies one entry of a page table then, not 512.
 */
#include "criu/mem/share_huge.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/kernel/syscalls.h"
#include "criu/mem/fill.h"

#define STAGING_BYTES   (16 * HUGE_BYTES)
#define FIRST_BUNDLE    (2 * HUGE_BYTES)
#define SLOW_US_PER_MIB 1000 /* see fill_and_move() of the restorer */

void huge_reader_done(struct huge_reader *h)
{
	if (h->staging)
		munmap(h->staging, STAGING_BYTES + HUGE_BYTES);
	h->staging = NULL;
}

static bool reader_start(struct huge_reader *h)
{
	char *at;

	if (h->staging || h->is_off)
		return !h->is_off;
	h->is_off = true;
	if (!fill_can_use_huge())
		return false;
	at = mmap(NULL, STAGING_BYTES + HUGE_BYTES, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return false;
	madvise(at, STAGING_BYTES + HUGE_BYTES, MADV_HUGEPAGE);
	h->staging = at;
	h->is_off = false;
	return true;
}

/* A descriptor, or -errno: then there is no such way. */
static int range_register(uint64_t addr, uint64_t len)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_MOVE };
	struct uffdio_register reg = { .range = { addr, len },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = sys_userfaultfd(O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0)
		return fd;
	if (ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &reg) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

static int move(int fd, uint64_t to, uint64_t from, uint64_t len)
{
	while (len) {
		struct uffdio_move m = { .dst = to, .src = from, .len = len };
		int ret = ioctl(fd, UFFDIO_MOVE, &m);

		if (m.move > 0) {
			to += (uint64_t)m.move;
			from += (uint64_t)m.move;
			len -= (uint64_t)m.move;
		} else if (ret < 0 && errno != EAGAIN) {
			return -errno;
		}
	}
	return 0;
}

static int bundles_read(struct huge_reader *h, int uffd, int fd, uint64_t addr, uint64_t len,
			uint64_t off, uint64_t *ret_done)
{
	uint64_t staging = ((uintptr_t)h->staging + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	uint64_t bundle = FIRST_BUNDLE, done = 0;

	while (done < len && !h->is_off) {
		uint64_t n = len - done < bundle ? len - done : bundle, start = clock_us();
		int err = io_pread(fd, (void *)(uintptr_t)staging, n, (off_t)(off + done));

		if (err < 0)
			return err;
		h->is_off = clock_us() - start > (n >> 20) * SLOW_US_PER_MIB;
		if (move(uffd, addr + done, staging, n) < 0) {
			h->is_off = true;
			break;
		}
		done += n;
		bundle = bundle < STAGING_BYTES ? bundle * 2 : STAGING_BYTES;
	}
	*ret_done = done;
	return 0;
}

int huge_reader_read(struct huge_reader *h, int fd, uint64_t addr, uint64_t len, uint64_t off,
		     uint64_t *ret_done)
{
	struct uffdio_range range = { addr, len };
	int uffd, err;

	*ret_done = 0;
	if (!len || !reader_start(h))
		return 0;
	uffd = range_register(addr, len);
	if (uffd < 0) {
		h->is_off = true;
		return 0;
	}
	err = bundles_read(h, uffd, fd, addr, len, off, ret_done);
	ioctl(uffd, UFFDIO_UNREGISTER, &range);
	close(uffd);
	return err;
}
