// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections between two processes, through a path and an abstract name, with data in both
 * directions: names of both ends, SO_PEERCRED of both ends, of different processes and users.
 */
#include "zdtmtst.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "path to listen at", true);

#define NR 4 /* each a bit: abstract; the listening one is closed */

static struct ready ready;
static pid_t server;
static int listening[NR];
static uid_t child_uid;

static socklen_t address(struct sockaddr_un *a, int i)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!(i & 1))
		return (socklen_t)(sizeof(sa_family_t) + 1 +
				   (size_t)sprintf(a->sun_path, "%s%d", filename, i));
	return (socklen_t)(sizeof(sa_family_t) + 1 +
			   (size_t)sprintf(a->sun_path + 1, "zdtm %d %d", server, i));
}

static int check(int fd, int i, bool is_client, pid_t who, uid_t uid)
{
	struct sockaddr_un want, own, peer;
	socklen_t len = address(&want, i), nown = sizeof(own), npeer = sizeof(peer);
	struct ucred c;
	socklen_t nc = sizeof(c);
	char got[16] = "";

	if (recv(fd, got, sizeof(got), MSG_DONTWAIT) != 6 || strcmp(got, "hello") != 0)
		return fail("%d: received \"%s\"", i, got);
	must(getsockname(fd, (void *)&own, &nown));
	must(getpeername(fd, (void *)&peer, &npeer));
	if (is_client && (npeer != len || memcmp(&peer, &want, len) != 0 || nown != 2))
		return fail("%d: client: names of %u and %u bytes", i, nown, npeer);
	if (!is_client && (nown != len || memcmp(&own, &want, len) != 0 || npeer != 2))
		return fail("%d: server: names of %u and %u bytes", i, nown, npeer);
	must(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &nc));
	if (c.pid != who || c.uid != uid)
		return fail("%d: %s: SO_PEERCRED is pid %d, uid %u", i,
			    is_client ? "client" : "server", c.pid, c.uid);
	return 0;
}

static int client(void *arg)
{
	int fd[NR], bad = 0;

	(void)arg;
	must(seteuid(child_uid));
	for (int i = 0; i < NR; i++) {
		struct sockaddr_un a;
		socklen_t len = address(&a, i);

		fd[i] = must(socket(AF_UNIX, SOCK_STREAM, 0));
		must(connect(fd[i], (void *)&a, len));
		must(write(fd[i], "hello", 6));
	}
	must(seteuid(getuid()));
	ready_report(&ready);
	test_waitsig();
	for (int i = 0; i < NR; i++)
		bad += check(fd[i], i, true, server, getuid()) != 0;
	return bad;
}

int main(int argc, char **argv)
{
	int fd[NR], bad = 0;
	pid_t child;

	test_init(argc, argv);
	ready_init(&ready);
	server = getpid();
	child_uid = getuid() == 0 ? 1234 : getuid();
	for (int i = 0; i < NR; i++) {
		struct sockaddr_un a;
		socklen_t len = address(&a, i);

		listening[i] = must(socket(AF_UNIX, SOCK_STREAM, 0));
		must(bind(listening[i], (void *)&a, len));
		must(listen(listening[i], 1));
		if (!(i & 1))
			must(chmod(a.sun_path, 0777));
	}
	child = test_child(client, NULL);
	for (int i = 0; i < NR; i++) {
		fd[i] = must(accept(listening[i], NULL, NULL));
		must(write(fd[i], "hello", 6));
	}
	ready_collect(&ready, 1);
	for (int i = 2; i < NR; i++)
		must(close(listening[i]));
	test_daemon();
	test_waitsig();

	for (int i = 0; i < NR; i++)
		bad += check(fd[i], i, false, child, child_uid) != 0;
	if (!test_stop(child, "the client") || bad)
		return fail("see above");
	return pass();
}
