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

/*
 * Makes the table of descriptors large enough for nr of them, or as many as the hard limit allows.
 * While there are several threads the kernel waits some milliseconds for each time that it grows to
 * twice its size (fs/file.c: expand_fdtable()): so before. Quiet.
 */
void io_fds_room(size_t nr);
/* As many descriptors as the hard limit allows. 0 or -errno. */
int io_fds_unlimited(void);
