// SPDX-License-Identifier: GPL-2.0-only
/*
 * In flight, and nowhere else: a socket that listens, with a connection that waits; a datagram
 * socket with a name; epoll and timerfd; a socket in the queue of a socket in the queue of another.
 */
#include "rights.h"
#include "zdtmtst.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#define DEPTH 40

/* It is only there from now on. */
static void send_fd(int to, int fd)
{
	must(fd_send(to, fd));
	must(close(fd));
}

static struct sockaddr_un address(const char *what)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "zdtm %d %s", getpid(), what);
	return a;
}

static int bound(int type, const char *what)
{
	struct sockaddr_un a = address(what);
	int fd = must(socket(AF_UNIX, type, 0));

	must(bind(fd, (void *)&a, sizeof(a)));
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 42 }, got = { 0 };
	struct itimerspec t = { .it_value = { 1000, 0 }, .it_interval = { 7, 0 } }, left;
	struct sockaddr_un listening, dgram;
	int sv[2], deep[2], fd, efd, tfd, client, watched[2];
	char text[16] = "", c;

	test_init(argc, argv);
	listening = address("listen");
	dgram = address("dgram");
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, watched));
	fd = bound(SOCK_STREAM, "listen");
	must(listen(fd, 4));
	client = must(socket(AF_UNIX, SOCK_STREAM, 0));
	must(connect(client, (void *)&listening, sizeof(listening)));
	send_fd(sv[0], fd);
	send_fd(sv[0], bound(SOCK_DGRAM, "dgram"));
	efd = must(epoll_create1(0));
	must(epoll_ctl(efd, EPOLL_CTL_ADD, watched[0], &ev));
	send_fd(sv[0], efd);
	tfd = must(timerfd_create(CLOCK_MONOTONIC, 0));
	must(timerfd_settime(tfd, 0, &t, NULL));
	send_fd(sv[0], tfd);
	/* Each end is in the queue of the one before: only the first has a descriptor. */
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, deep));
	fd = deep[0];
	for (int i = 0; i < DEPTH; i++) {
		int inner[2];

		must(socketpair(AF_UNIX, SOCK_STREAM, 0, inner));
		send_fd(fd, inner[1]);
		if (fd != deep[0])
			must(close(fd));
		fd = inner[0];
	}
	must(write(fd, "bottom", 6));
	must(close(fd));
	test_daemon();
	test_waitsig();

	fd = fd_receive(sv[1], MSG_DONTWAIT);
	must(write(client, "w", 1));
	fd = must(accept(fd, NULL, NULL));
	if (read(fd, &c, 1) != 1 || c != 'w')
		return fail("the socket that listened");
	fd = fd_receive(sv[1], MSG_DONTWAIT);
	if (sendto(sv[0], "", 0, 0, NULL, 0) < 0)
		return fail("the pair is gone");
	client = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	if (sendto(client, "d", 1, 0, (void *)&dgram, sizeof(dgram)) != 1 ||
	    recv(fd, &c, 1, MSG_DONTWAIT) != 1 || c != 'd')
		return fail("the datagram socket");
	fd = fd_receive(sv[1], MSG_DONTWAIT);
	must(write(watched[1], "e", 1));
	if (epoll_wait(fd, &got, 1, 0) != 1 || got.data.u64 != 42)
		return fail("the epoll file");
	fd = fd_receive(sv[1], MSG_DONTWAIT);
	if (fd < 0 || timerfd_gettime(fd, &left) < 0 || left.it_interval.tv_sec != 7 ||
	    left.it_value.tv_sec < 1 || left.it_value.tv_sec > 1000)
		return fail("the timer has %ld s left", (long)left.it_value.tv_sec);
	fd = deep[1];
	for (int i = 0; i < DEPTH; i++) {
		fd = fd_receive(fd, MSG_DONTWAIT);
		if (fd < 0)
			return fail("level %d is empty", i);
	}
	if (read(fd, text, sizeof(text)) != 6 || strcmp(text, "bottom") != 0)
		return fail("at the bottom is \"%s\"", text);
	return pass();
}
