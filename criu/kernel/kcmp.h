// SPDX-License-Identifier: GPL-2.0-only
/* kcmp(2) as an order: are two tasks' objects the same, and if not, which sorts first? */
#pragma once
#include <errno.h>
#include <linux/kcmp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/*
 * 0 and *ret_order -1, 0, 1; or -errno, and *ret_order 0. The order is total and lasts until the
 * next boot.
 * KCMP_FILE compares descriptor ia of task a with ib of b; KCMP_VM, FILES, FS, SIGHAND, IO,
 * SYSVSEM compare the tasks and take no index. -ESRCH: a task is gone; -EBADF: no such fd;
 * -ENOTSUP: the kernel does not order (it answers 3; none does on x86).
 */
static inline int kcmp_order(pid_t a, pid_t b, enum kcmp_type type, unsigned long ia,
			     unsigned long ib, int *ret_order)
{
	long r = syscall(SYS_kcmp, a, b, type, ia, ib);

	*ret_order = 0;
	if (r < 0)
		return -errno;
	if (r > 2)
		return -ENOTSUP;

	*ret_order = r == 0 ? 0 : r == 1 ? -1 : 1;
	return 0;
}

static inline int kcmp_file(pid_t a, int fda, pid_t b, int fdb, int *ret_order)
{
	return kcmp_order(a, b, KCMP_FILE, (unsigned long)fda, (unsigned long)fdb, ret_order);
}

/*
 * Is fd of task a what epoll instance efd of task b watches as number tfd? toff tells apart
 * watches of the same number (the number was closed and opened again), in the order of the
 * lines of fdinfo. *ret_order 0: the same. -ENOENT: no such watch.
 */
static inline int kcmp_epoll(pid_t a, int fd, pid_t b, int efd, int tfd, uint32_t toff,
			     int *ret_order)
{
	struct kcmp_epoll_slot slot = { .efd = (uint32_t)efd, .tfd = (uint32_t)tfd, .toff = toff };

	return kcmp_order(a, b, KCMP_EPOLL_TFD, (unsigned long)fd, (unsigned long)&slot, ret_order);
}
