// SPDX-License-Identifier: GPL-2.0-only
/* The ends of a FIFO in two processes; a writer whose reader has gone, with packets in between. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "the FIFO", true);
static struct ready ready;

static int reader(void *arg)
{
	char text[100];
	int fd;

	(void)arg;
	fd = (int)must(open(filename, O_RDONLY));
	ready_report(&ready);
	test_waitsig();
	expect(read(fd, text, sizeof(text)) == 5 && !memcmp(text, "first", 5), "not the first");
	expect(read(fd, text, sizeof(text)) == 6 && !memcmp(text, "second", 6), "not the second");
	expect(read(fd, text, sizeof(text)) == 5 && !memcmp(text, "third", 5), "not the third");
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;
	int out;

	test_init(argc, argv);
	must(mkfifo(filename, 0600));
	signal(SIGPIPE, SIG_IGN);
	ready_init(&ready);
	pid = test_child(reader, NULL);
	out = (int)must(open(filename, O_WRONLY));
	ready_collect(&ready, 1);
	must(fcntl(out, F_SETFL, O_DIRECT | O_NONBLOCK));
	must(write(out, "first", 5));
	must(write(out, "second", 6));
	test_daemon();
	test_waitsig();

	if ((fcntl(out, F_GETFL) & ~0100000) != (O_WRONLY | O_DIRECT | O_NONBLOCK))
		fail("the flags are %#o", fcntl(out, F_GETFL));
	must(write(out, "third", 5));
	if (!test_stop(pid, "the reader"))
		fail("the reader has not read what it should");
	if (write(out, "x", 1) != -1 || errno != EPIPE)
		fail("there is one reader too many");
	return pass();
}
