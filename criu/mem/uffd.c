// SPDX-License-Identifier: GPL-2.0-only
/*
 * A userfaultfd(2) belongs to the address space that it was made in, but its ioctls work from
 * everywhere. So the parasite makes it, and we take it while the parasite waits for that.
 *
 * Write protection is asynchronous: a write takes the mark off its page, and nobody is asked or
 * waits. So it makes no difference that the descriptor is one for faults of user mode only, which
 * every process may have.
 */
#include "criu/mem/uffd.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/kernel/syscalls.h"
#include "criu/kernel/uapi.h"
#include "criu/pie/abi/parasite.h"

#define PAUSE_NS 10000
#define PAUSES   50000 /* at least half a second, as long as the parasite waits */

/* The number of the descriptor in the task. */
static int wait_for_it(const struct remote *r, uint64_t at)
{
	const struct timespec pause = { 0, PAUSE_NS };
	struct parasite_uffd_args now;

	for (unsigned int i = 0; i < PAUSES; i++) {
		int err = tracee_mem_read(r->pid, at, &now, sizeof(now));

		if (err < 0)
			return err;
		if (now.err < 0)
			return now.err;
		if (now.fd >= 0)
			return now.fd;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

static int take(const struct remote *r, uint64_t at)
{
	cleanup_close int pidfd = sys_pidfd_open(r->tgid ? r->tgid : r->pid, 0);
	const uint32_t yes = 1;
	int fd, err;

	if (pidfd < 0)
		return pidfd;
	fd = wait_for_it(r, at);
	if (fd < 0)
		return fd;
	fd = sys_pidfd_getfd(pidfd, fd);
	err = tracee_mem_write(r->pid, at + offsetof(struct parasite_uffd_args, taken), &yes,
			       sizeof(yes));
	if (err < 0 && fd >= 0) {
		close(fd);
		fd = err;
	}
	return fd;
}

static int api(int fd)
{
	struct uffdio_api a = { .api = UFFD_API,
				.features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED };

	return ioctl(fd, UFFDIO_API, &a) < 0 ? -errno : 0;
}

int uffd_ask(struct remote *r)
{
	struct parasite_uffd_args a = { .command = PARASITE_UFFD, .fd = -1 };
	cleanup_close int fd = -1;
	int err = remote_call_begin(r, 0, &a, sizeof(a));

	if (err < 0)
		return err;
	fd = take(r, r->data);
	err = remote_call_end(r, 0, &a, sizeof(a));
	if (err >= 0 && a.err < 0)
		err = a.err;
	if (err >= 0 && fd < 0)
		err = fd;
	if (err >= 0)
		err = api(fd);
	return err < 0 ? err : take_fd(&fd);
}

int uffd_track(int uffd, uint64_t start, uint64_t end)
{
	struct uffdio_register reg = { .range = { .start = start, .len = end - start },
				       .mode = UFFDIO_REGISTER_MODE_WP };

	return ioctl(uffd, UFFDIO_REGISTER, &reg) < 0 ? -errno : 0;
}

/*
 * The kernel looks at all mappings of the range, in order, before it registers any of them
 * (userfaultfd_register() in fs/userfaultfd.c): EBUSY at one that another has, EPERM at one that
 * can never be written to, as the vvar. Where that stands at the end, the answer is never yes. Any
 * other is no answer.
 */
bool uffd_meets_other(int uffd, uint64_t start, uint64_t wall)
{
	int r = uffd_track(uffd, start, wall);

	return r != -EPERM && r != -EINVAL;
}
