// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/proc_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/text.h"

/* About a thousand entries a call. */
#define DENTS_SIZE 32768

/* -1: not a number ("." and ".."). */
static int entry_number(const struct dirent64 *d)
{
	const char *p = d->d_name;
	uint32_t v = 0;

	for (; *p >= '0' && *p <= '9' && v <= INT_MAX / 10; p++)
		v = v * 10 + (uint32_t)(*p - '0');
	return *p || p == d->d_name || v > INT_MAX ? -1 : (int)v;
}

union dents {
	char bytes[DENTS_SIZE];
	struct dirent64 align;
};

int proc_dir_numbers(int dirfd, const char *path, struct proc_numbers *l)
{
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union dents dents;
	long n;

	if (fd < 0)
		return -errno;
	while ((n = syscall(SYS_getdents64, fd, dents.bytes, sizeof(dents.bytes))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent64 *d = (const void *)(dents.bytes + at);
			int number = entry_number(d);

			if (number >= 0)
				*array_push(l->v, l->nr, l->cap) = number;
			at += d->d_reclen;
		}
	return n < 0 ? -errno : 0;
}
