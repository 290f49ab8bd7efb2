// SPDX-License-Identifier: GPL-2.0-only
/* What waits in a stream, in a datagram and in a seqpacket socket: all of it, in its order, with
 * the borders of packets; more than the buffers have room for by now. */
#include "zdtmtst.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM_BYTES 300000
#define PACKETS      60

static size_t packet_len(int i)
{
	return i == 3 ? 0 : i == 7 ? 90000 : (size_t)(i * 37);
}

static void fill_packets(int fd)
{
	static uint8_t data[100000];

	for (int i = 0; i < PACKETS; i++) {
		datagen(data, packet_len(i), (uint32_t)i);
		must(send(fd, data, packet_len(i), MSG_DONTWAIT));
	}
}

static int check_packets(int fd, const char *what)
{
	static uint8_t data[100000];

	for (int i = 0; i < PACKETS; i++) {
		ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

		if (n != (ssize_t)packet_len(i))
			return fail("%s: packet %d has %zd bytes", what, i, n);
		if (datachk(data, (size_t)n, (uint32_t)i) != (size_t)n)
			return fail("%s: packet %d is damaged", what, i);
	}
	if (recv(fd, data, sizeof(data), MSG_DONTWAIT) != -1 || errno != EAGAIN)
		return fail("%s: there is one packet more", what);
	return 0;
}

int main(int argc, char **argv)
{
	static uint8_t data[STREAM_BYTES + 1];
	int sv[3][2], size = 1 << 20, small = 4000;
	size_t done = 0;

	test_init(argc, argv);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sv[0]));
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv[1]));
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv[2]));
	for (int i = 0; i < 3; i++)
		must(setsockopt(sv[i][0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
	datagen(data, STREAM_BYTES, 9);
	for (size_t part = 1; done < STREAM_BYTES; part = part * 3 + 1) {
		if (part > STREAM_BYTES - done)
			part = STREAM_BYTES - done;
		must(write(sv[0][0], data + done, part));
		done += part;
	}
	must(write(sv[0][1], "back", 4));
	fill_packets(sv[1][0]);
	fill_packets(sv[2][0]);
	must(setsockopt(sv[0][0], SOL_SOCKET, SO_SNDBUFFORCE, &small, sizeof(small)));
	test_daemon();
	test_waitsig();

	memset(data, 0, sizeof(data));
	for (done = 0; done < STREAM_BYTES + 1;) {
		ssize_t n = recv(sv[0][1], data + done, sizeof(data) - done, MSG_DONTWAIT);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done != STREAM_BYTES || datachk(data, done, 9) != done)
		return fail("stream: %zu bytes, right up to %zu", done, datachk(data, done, 9));
	if (recv(sv[0][0], data, sizeof(data), MSG_DONTWAIT) != 4 || memcmp(data, "back", 4) != 0)
		return fail("the other direction is wrong");
	if (check_packets(sv[1][1], "datagrams") || check_packets(sv[2][1], "seqpacket"))
		return 1;
	return pass();
}
