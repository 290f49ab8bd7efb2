// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagram sockets: several that send to one, connected or not, named or not, one of them closed
 * since; whom each packet is from; one that is connected to who is not connected back.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "path to receive at", true);

static socklen_t address(struct sockaddr_un *a, const char *suffix, bool abstract)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (abstract)
		return (
		    socklen_t)(sizeof(sa_family_t) + 1 +
			       (size_t)sprintf(a->sun_path + 1, "zdtm %d %s", getpid(), suffix));
	return (socklen_t)(sizeof(sa_family_t) + 1 +
			   (size_t)sprintf(a->sun_path, "%s.%s", filename, suffix));
}

static int socket_at(const char *suffix, bool abstract)
{
	struct sockaddr_un a;
	socklen_t len = address(&a, suffix, abstract);
	int fd = must(socket(AF_UNIX, SOCK_DGRAM, 0));

	must(bind(fd, (void *)&a, len));
	return fd;
}

static int expect_from(int fd, const char *text, const char *suffix, bool abstract)
{
	struct sockaddr_un from = { 0 }, want;
	socklen_t len = sizeof(from), want_len = suffix ? address(&want, suffix, abstract) : 0;
	char got[32] = "";

	if (recvfrom(fd, got, sizeof(got), MSG_DONTWAIT, (void *)&from, &len) < 0)
		return fail("\"%s\" did not come", text);
	if (strcmp(got, text) != 0)
		return fail("\"%s\" instead of \"%s\"", got, text);
	if (len != want_len || memcmp(&from, &want, len) != 0)
		return fail("\"%s\" is from %u bytes %s", text, len, from.sun_path);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un to;
	int r, a, b, c, d, e, back;
	socklen_t len;

	test_init(argc, argv);
	r = socket_at("to", false);
	len = address(&to, "to", false);
	a = socket_at("a", false);
	b = socket_at("b", true);
	c = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	d = socket_at("d", false);
	e = socket_at("e", true);
	must(sendto(a, "from a", 7, 0, (void *)&to, len));
	must(connect(b, (void *)&to, len));
	must(send(b, "from b", 7, 0));
	must(connect(c, (void *)&to, len));
	must(send(c, "from c", 7, 0));
	must(sendto(d, "from d", 7, 0, (void *)&to, len));
	must(sendto(e, "from e", 7, 0, (void *)&to, len));
	must(send(b, "b again", 8, 0));
	must(close(d));
	must(close(e));
	len = address(&to, "a", false);
	back = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	must(connect(back, (void *)&to, len));
	/* Itself. */
	must(connect(a, (void *)&to, len));
	test_daemon();
	test_waitsig();

	if (expect_from(r, "from a", "a", false) || expect_from(r, "from b", "b", true) ||
	    expect_from(r, "from c", NULL, false) || expect_from(r, "from d", "d", false) ||
	    expect_from(r, "from e", "e", true) || expect_from(r, "b again", "b", true))
		return 1;
	if (send(b, "later b", 8, 0) != 8 || send(c, "later c", 8, 0) != 8)
		return fail("not connected any more");
	if (expect_from(r, "later b", "b", true) || expect_from(r, "later c", NULL, false))
		return 1;
	if (send(back, "x", 2, 0) != -1 || errno != EPERM)
		return fail("who is connected to itself hears others");
	if (send(a, "self", 5, 0) != 5 || expect_from(a, "self", "a", false))
		return fail("not connected to itself");
	return pass();
}
