// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "criu/base/cleanup.h"

#define IO_LOOP(call, advance)                                                                     \
	while (len) {                                                                              \
		ssize_t n = (call);                                                                \
                                                                                                   \
		if (n < 0 && errno == EINTR)                                                       \
			continue;                                                                  \
		if (n < 0)                                                                         \
			return -errno;                                                             \
		if (n == 0)                                                                        \
			return -ENODATA;                                                           \
		buf = (__typeof__(buf))((const char *)buf + n);                                    \
		len -= (size_t)n;                                                                  \
		advance;                                                                           \
	}                                                                                          \
	return 0

int io_read(int fd, void *buf, size_t len)
{
	IO_LOOP(read(fd, buf, len), (void)0);
}

int io_pread(int fd, void *buf, size_t len, off_t off)
{
	IO_LOOP(pread(fd, buf, len, off), off += n);
}

int io_write(int fd, const void *buf, size_t len)
{
	IO_LOOP(write(fd, buf, len), (void)0);
}

int io_pwrite(int fd, const void *buf, size_t len, off_t off)
{
	IO_LOOP(pwrite(fd, buf, len, off), off += n);
}

int io_fds_unlimited(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return -errno;
	if (lim.rlim_cur == lim.rlim_max)
		return 0;
	lim.rlim_cur = lim.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &lim) < 0 ? -errno : 0;
}

void io_fds_room(size_t nr)
{
	cleanup_close int any = open("/", O_PATH | O_CLOEXEC);
	struct rlimit lim;

	if (any < 0 || getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return;
	if (nr > lim.rlim_max)
		nr = lim.rlim_max;
	if (nr > lim.rlim_cur) {
		lim.rlim_cur = nr;
		if (setrlimit(RLIMIT_NOFILE, &lim) < 0)
			return;
	}
	if (nr)
		close(fcntl(any, F_DUPFD_CLOEXEC, (int)nr - 1));
}
