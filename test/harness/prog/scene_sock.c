// SPDX-License-Identifier: GPL-2.0-only
/* Unix sockets. */
#include "test/harness/prog/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return a;
}

static int unix_socket(int argc, char **argv)
{
	int type = argc > 1 && strcmp(argv[1], "dgram") == 0 ? SOCK_DGRAM : SOCK_STREAM;

	return (int)must(socket(AF_UNIX, type, 0));
}

/* PATH [dgram]: connected to whom the harness has there. */
static void set_connect(int argc, char **argv)
{
	struct sockaddr_un a = address(argv[0]);

	must(connect(unix_socket(argc, argv), (struct sockaddr *)&a, sizeof(a)));
}

/* PATH [dgram]: is there itself. */
static void set_bound(int argc, char **argv)
{
	struct sockaddr_un a = address(argv[0]);
	int fd = unix_socket(argc, argv);

	must(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	if (argc < 2)
		must(listen(fd, 5));
}

/* PATH: a connection that has sent something and waits to be accepted. */
static void set_unaccepted(int argc, char **argv)
{
	struct sockaddr_un a = address(argv[0]);
	int fd;

	set_bound(argc, argv);
	fd = unix_socket(argc, argv);
	must(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	must(write(fd, "hello", 5));
}

/* PATH: one that was closed before. */
static void set_unaccepted_closed(int argc, char **argv)
{
	set_unaccepted(argc, argv);
	must(close(4));
}

static void set_urgent(int argc, char **argv)
{
	int ends[2];

	(void)argc;
	(void)argv;
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	must(send(ends[0], "a", 1, 0));
	must(send(ends[0], "b", 1, MSG_OOB));
}

const struct scene scenes_sock[] = {
	{ "unix-connect", set_connect },       { "unix-at", set_bound },
	{ "unix-unaccepted", set_unaccepted }, { "unix-unaccepted-closed", set_unaccepted_closed },
	{ "unix-urgent", set_urgent },         { NULL, NULL },
};
