// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of files of this folder, for the list in flow/kinds.c. */
#pragma once
#include "criu/core/file.h"

extern const struct file_kind bpfmap_kind, epoll_kind, eventfd_kind, fanotify_kind, fifo_kind,
    inotify_kind, memfd_kind, mqueue_kind, nsfile_kind, pidfd_kind, pipe_kind, reg_kind,
    secretmem_kind, signalfd_kind, timerfd_kind, tty_kind, tun_kind, unsupported_kind, uring_kind,
    userfault_kind;
