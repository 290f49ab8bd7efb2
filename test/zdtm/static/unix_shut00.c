// SPDX-License-Identifier: GPL-2.0-only
/* Connections that are shut down in one direction, with data in it; ends whose peer is closed. */
#include "zdtmtst.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static short events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	must(poll(&p, 1, 0));
	return p.revents;
}

int main(int argc, char **argv)
{
	int wr[2], rd[2], gone[2], reset[2], seq[2], dgram[2];
	short was[4];
	char c[8];

	test_init(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, wr));
	must(write(wr[0], "last", 4));
	must(shutdown(wr[0], SHUT_WR));
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, rd));
	must(write(rd[0], "left", 4));
	must(shutdown(rd[1], SHUT_RD));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, gone));
	must(write(gone[0], "bye", 3));
	must(close(gone[0]));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, reset));
	must(write(reset[0], "bye", 3));
	must(write(reset[1], "unread", 6));
	must(close(reset[0]));
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, seq));
	must(write(seq[0], "one", 3));
	must(write(seq[0], "three", 5));
	must(close(seq[0]));
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, dgram));
	must(write(dgram[0], "gram", 4));
	must(close(dgram[0]));
	was[0] = events(wr[1]);
	was[1] = events(gone[1]);
	was[2] = events(reset[1]);
	was[3] = events(wr[0]);
	test_daemon();
	test_waitsig();

	if (events(wr[1]) != was[0] || events(gone[1]) != was[1] || events(reset[1]) != was[2] ||
	    events(wr[0]) != was[3])
		return fail("events are %#x %#x %#x %#x, were %#x %#x %#x %#x", events(wr[1]),
			    events(gone[1]), events(reset[1]), events(wr[0]), was[0], was[1],
			    was[2], was[3]);
	if (write(wr[0], "x", 1) != -1 || errno != EPIPE)
		return fail("what was shut down can be written to");
	if (read(wr[1], c, 8) != 4 || read(wr[1], c, 8) != 0)
		return fail("no end after the last data");
	if (write(wr[1], "back", 4) != 4 || read(wr[0], c, 8) != 4)
		return fail("the other direction does not work");
	if (recv(rd[1], c, 8, MSG_DONTWAIT) != 4 || recv(rd[1], c, 8, 0) != 0)
		return fail("shut down for reading: data, then an end");
	if (send(rd[0], c, 1, 0) != -1 || errno != EPIPE)
		return fail("one can write to who does not read");
	if (read(gone[1], c, 8) != 3 || read(gone[1], c, 8) != 0)
		return fail("what a closed peer has left");
	if (read(reset[1], c, 8) != 3 || read(reset[1], c, 8) != -1 || errno != ECONNRESET ||
	    read(reset[1], c, 8) != 0)
		return fail("what a peer left that had not read all");
	if (recv(seq[1], c, 8, MSG_DONTWAIT) != 3 || recv(seq[1], c, 8, MSG_DONTWAIT) != 5 ||
	    recv(seq[1], c, 8, MSG_DONTWAIT) != 0)
		return fail("packets of a closed peer");
	if (recv(dgram[1], c, 8, MSG_DONTWAIT) != 4 || send(dgram[1], c, 1, 0) != -1 ||
	    errno != ECONNREFUSED)
		return fail("datagrams of a closed peer");
	return pass();
}
