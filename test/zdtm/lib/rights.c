// SPDX-License-Identifier: GPL-2.0-only
#include "rights.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

union control {
	char bytes[CMSG_SPACE(RIGHTS_MAX * sizeof(int))];
	struct cmsghdr align;
};

ssize_t rights_send(int sock, const void *data, size_t size, const int *fds, size_t nr)
{
	union control c = { { 0 } };
	struct iovec iov = { (void *)(size_t)data, size };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = c.bytes,
			    .msg_controllen = CMSG_SPACE(nr * sizeof(int)) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	if (nr > RIGHTS_MAX) {
		errno = EINVAL;
		return -1;
	}
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(h), fds, nr * sizeof(int));
	return sendmsg(sock, &m, 0);
}

ssize_t rights_receive(int sock, void *data, size_t size, int flags, int *fds, size_t *ret_nr)
{
	union control c = { { 0 } };
	struct iovec iov = { data, size };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = c.bytes,
			    .msg_controllen = sizeof(c) };
	ssize_t n = recvmsg(sock, &m, flags);
	struct cmsghdr *h = n < 0 ? NULL : CMSG_FIRSTHDR(&m);

	*ret_nr = 0;
	if (!h || h->cmsg_type != SCM_RIGHTS)
		return n;
	memcpy(fds, CMSG_DATA(h), h->cmsg_len - CMSG_LEN(0));
	*ret_nr = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	return n;
}

int fd_send(int sock, int fd)
{
	return rights_send(sock, "x", 1, &fd, 1) == 1 ? 0 : -1;
}

int fd_receive(int sock, int flags)
{
	int fds[RIGHTS_MAX];
	char byte;
	size_t nr;

	if (rights_receive(sock, &byte, 1, flags, fds, &nr) < 0)
		return -1;
	if (nr != 1) {
		errno = ENOMSG;
		return -1;
	}
	return fds[0];
}
