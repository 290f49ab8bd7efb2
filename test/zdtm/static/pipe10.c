// SPDX-License-Identifier: GPL-2.0-only
/* What is before a packet, read with it in one go; a copy by tee(2); a packet cut by splice(2). */
#include "zdtmtst.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What comes from tee(2) is not written on to: even a short packet behind it stays one. */
static void put(int fd, const char *text, bool packet)
{
	int via[2];

	must(pipe2(via, packet ? O_DIRECT : 0));
	must(write(via[1], text, strlen(text)));
	must(tee(via[0], fd, strlen(text), 0));
	must(close(via[0]));
	must(close(via[1]));
}

static void get(int fd, const char *text)
{
	char data[100];
	ssize_t got = read(fd, data, sizeof(data));

	if (got != (ssize_t)strlen(text) || memcmp(data, text, (size_t)got))
		fail("read %zd bytes, \"%.*s\" instead of \"%s\"", got, got < 0 ? 0 : (int)got,
		     data, text);
}

int main(int argc, char **argv)
{
	int a[2], copy[2], cut[2];

	test_init(argc, argv);
	must(pipe2(a, O_NONBLOCK));
	must(pipe2(copy, O_NONBLOCK));
	must(pipe2(cut, O_NONBLOCK));
	put(a[1], "plain", false);
	put(a[1], "packet", true);
	put(a[1], "second", true);
	put(a[1], "tail", false);
	must(tee(a[0], copy[1], 1000, 0));
	must(tee(a[0], copy[1], 1000, 0));
	must(splice(a[0], NULL, cut[1], NULL, 8, 0));
	test_daemon();
	test_waitsig();

	get(cut[0], "plainpac");
	get(a[0], "ket");
	get(a[0], "second");
	get(a[0], "tail");
	get(copy[0], "plainpacket");
	get(copy[0], "second");
	get(copy[0], "tailplainpacket");
	get(copy[0], "second");
	get(copy[0], "tail");
	return pass();
}
