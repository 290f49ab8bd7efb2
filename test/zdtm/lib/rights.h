// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors in messages of unix sockets (SCM_RIGHTS). All return -1 and errno, as calls do. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#define RIGHTS_MAX 8

ssize_t rights_send(int sock, const void *data, size_t size, const int *fds, size_t nr);
/* At most RIGHTS_MAX; *ret_nr of them came. How many bytes did. Flags are those of recvmsg(2). */
ssize_t rights_receive(int sock, void *data, size_t size, int flags, int *fds, size_t *ret_nr);

/* One, with one byte. */
int fd_send(int sock, int fd);
int fd_receive(int sock, int flags);
