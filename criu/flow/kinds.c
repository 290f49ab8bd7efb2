// SPDX-License-Identifier: GPL-2.0-only
/* Every kind of file, in match order: the first that claims a descriptor has it. */
#include "criu/files/kinds.h"
#include "criu/core/file.h"
#include "criu/sock/kinds.h"

/* clang-format off */
const struct file_kind *const file_kinds[] = {
	&pipe_kind,
	&fifo_kind,
	&memfd_kind,
	&secretmem_kind,
	&pidfd_kind,
	&nsfile_kind,
	&mqueue_kind,
	&reg_kind,
	&tun_kind,
	&tty_kind,
	&eventfd_kind,
	&signalfd_kind,
	&timerfd_kind,
	&epoll_kind,
	&inotify_kind,
	&fanotify_kind,
	&userfault_kind,
	&uring_kind,
	&bpfmap_kind,
	&unix_kind,
	&inet_kind,
	&netlink_kind,
	&packet_kind,
	&vsock_kind,
	&unsupported_kind,
	NULL,
};
/* clang-format on */
