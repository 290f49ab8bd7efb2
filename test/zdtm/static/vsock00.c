// SPDX-License-Identifier: GPL-2.0-only
/* vsock sockets: one that listens, one that is only bound, a new one; and their options. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static struct sockaddr_vm name_of(int fd)
{
	struct sockaddr_vm a;
	socklen_t len = sizeof(a);

	must(getsockname(fd, (void *)&a, &len));
	return a;
}

static int bound(int type)
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK,
				 .svm_port = VMADDR_PORT_ANY,
				 .svm_cid = VMADDR_CID_ANY };
	int fd = must(socket(AF_VSOCK, type, 0));

	must(bind(fd, (void *)&a, sizeof(a)));
	return fd;
}

static uint64_t size_of(int fd, int name)
{
	uint64_t size = 0;
	socklen_t len = sizeof(size);

	must(getsockopt(fd, AF_VSOCK, name, &size, &len));
	return size;
}

static int listens(int fd)
{
	socklen_t len = sizeof(int);
	int is = -1;

	must(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &len));
	return is;
}

int main(int argc, char **argv)
{
	const uint64_t least = 1000, most = 1 << 20, size = 54321;
	struct timeval timeout = { 7, 500000 };
	struct sockaddr_vm was[2], is[2];
	socklen_t len = sizeof(timeout);
	int fd[3], type;

	test_init(argc, argv);
	fd[0] = bound(SOCK_STREAM);
	fd[1] = bound(SOCK_SEQPACKET);
	fd[2] = must(socket(AF_VSOCK, SOCK_STREAM, 0));
	must(listen(fd[0], 3));
	must(fcntl(fd[0], F_SETFL, O_NONBLOCK));
	must(setsockopt(fd[0], AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &most, sizeof(most)));
	must(setsockopt(fd[0], AF_VSOCK, SO_VM_SOCKETS_BUFFER_MIN_SIZE, &least, sizeof(least)));
	must(setsockopt(fd[0], AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof(size)));
	must(setsockopt(fd[2], AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout, len));
	for (int i = 0; i < 2; i++)
		was[i] = name_of(fd[i]);
	must(getsockopt(fd[2], AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout, &len));
	test_daemon();
	test_waitsig();

	for (int i = 0; i < 2; i++) {
		is[i] = name_of(fd[i]);
		if (is[i].svm_port != was[i].svm_port || is[i].svm_cid != was[i].svm_cid)
			return fail("socket %d is at port %u, cid %u", i, is[i].svm_port,
				    is[i].svm_cid);
	}
	if (listens(fd[0]) != 1 || listens(fd[1]) != 0 || listens(fd[2]) != 0)
		return fail("another one listens");
	if (accept(fd[0], NULL, NULL) != -1 || errno != EAGAIN)
		return fail("accept: %m");
	len = sizeof(type);
	must(getsockopt(fd[1], SOL_SOCKET, SO_TYPE, &type, &len));
	if (type != SOCK_SEQPACKET)
		return fail("the type is %d", type);
	if (name_of(fd[2]).svm_port != VMADDR_PORT_ANY)
		return fail("the new one is bound");
	if (size_of(fd[0], SO_VM_SOCKETS_BUFFER_MAX_SIZE) != most ||
	    size_of(fd[0], SO_VM_SOCKETS_BUFFER_MIN_SIZE) != least ||
	    size_of(fd[0], SO_VM_SOCKETS_BUFFER_SIZE) != size)
		return fail("the buffer is another one");
	len = sizeof(timeout);
	must(getsockopt(fd[2], AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout, &len));
	if (timeout.tv_sec != 7 || timeout.tv_usec != 500000)
		return fail("the timeout is %ld.%06ld s", (long)timeout.tv_sec,
			    (long)timeout.tv_usec);
	return pass();
}
