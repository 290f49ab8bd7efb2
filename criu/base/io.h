// SPDX-License-Identifier: GPL-2.0-only
/* Whole reads and writes: no short counts, EINTR retried. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/* 0, or -errno; fewer bytes than asked for is -ENODATA. */
int io_read(int fd, void *buf, size_t len);
int io_pread(int fd, void *buf, size_t len, off_t off);
int io_write(int fd, const void *buf, size_t len);
int io_pwrite(int fd, const void *buf, size_t len, off_t off);
