// SPDX-License-Identifier: GPL-2.0-only
/* A socketpair of each type: still a pair of this type, in both directions, with SO_PEERCRED. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int check(int type, int from, int to)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	char got[8] = "";
	int is = 0;

	if (write(from, "hello", 6) != 6)
		return fail("type %d: write", type);
	if (recv(to, got, sizeof(got), MSG_DONTWAIT) != 6 || strcmp(got, "hello") != 0)
		return fail("type %d: read \"%s\"", type, got);
	must(getsockopt(to, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	if (cred.pid != getpid() || cred.uid != geteuid() || cred.gid != getegid())
		return fail("type %d: SO_PEERCRED pid %d uid %u", type, cred.pid, cred.uid);
	len = sizeof(is);
	must(getsockopt(to, SOL_SOCKET, SO_TYPE, &is, &len));
	return is == type ? 0 : fail("type %d is %d now", type, is);
}

int main(int argc, char **argv)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int sv[3][2];

	test_init(argc, argv);
	for (int i = 0; i < 3; i++)
		must(socketpair(AF_UNIX, types[i], 0, sv[i]));
	must(fcntl(sv[0][1], F_SETFL, O_NONBLOCK));
	must(fcntl(sv[1][0], F_SETFD, FD_CLOEXEC));
	test_daemon();
	test_waitsig();

	for (int i = 0; i < 3; i++)
		if (check(types[i], sv[i][0], sv[i][1]) || check(types[i], sv[i][1], sv[i][0]))
			return 1;
	if (!(fcntl(sv[0][1], F_GETFL) & O_NONBLOCK) || fcntl(sv[0][0], F_GETFL) & O_NONBLOCK)
		return fail("O_NONBLOCK is wrong");
	return pass();
}
