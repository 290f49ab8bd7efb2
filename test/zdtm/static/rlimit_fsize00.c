// SPDX-License-Identifier: GPL-2.0-only
/* A process that may not write one byte into a file can still be saved, and still may not. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "file to write to", true);

static volatile sig_atomic_t signals;

static void count(int sig)
{
	(void)sig;
	signals++;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	ssize_t written;
	char *memory;
	int fd;

	test_init(argc, argv);
	must(signal(SIGXFSZ, count));
	memory = map_anon(1 << 20, PROT_READ | PROT_WRITE, 0);
	datagen(memory, 1 << 20, 1);
	fd = file_make(filename, 0, 0);
	must(getrlimit(RLIMIT_FSIZE, &limit));
	limit.rlim_cur = 0;
	must(setrlimit(RLIMIT_FSIZE, &limit));
	test_daemon();
	test_waitsig();

	expect(!signals, "SIGXFSZ has come from outside");
	written = write(fd, "x", 1);
	if (written != -1 || errno != EFBIG || signals != 1)
		fail("the limit is gone: write gives %zd, %d signals", written, (int)signals);
	limit.rlim_cur = limit.rlim_max;
	must(setrlimit(RLIMIT_FSIZE, &limit));
	if (datachk(memory, 1 << 20, 1) != 1 << 20)
		return fail("the memory is damaged");
	return pass();
}
