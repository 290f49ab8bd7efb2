// SPDX-License-Identifier: GPL-2.0-only
/* A mapping that is longer than its file: its last pages give SIGBUS, until the file grows. */
#include "zdtmtst.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

static char *filename;
TEST_OPTION(filename, string, "file to map", true);

static sigjmp_buf fault;

static void on_fault(int sig)
{
	siglongjmp(fault, sig);
}

int main(int argc, char **argv)
{
	volatile uint8_t byte;
	uint8_t *area;
	int fd;

	test_init(argc, argv);
	fd = file_make(filename, PAGE + 100, 1);
	area = (uint8_t *)must(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	area[PAGE + 50] ^= 0xff; /* a private copy of the page in which the file ends */
	must(signal(SIGBUS, on_fault) == SIG_ERR ? -1 : 0);
	test_daemon();
	test_waitsig();

	area[PAGE + 50] ^= 0xff;
	if (datachk(area, PAGE + 100, 1) != PAGE + 100)
		fail("the contents are wrong");
	if (!sigsetjmp(fault, 1)) {
		byte = area[2 * PAGE];
		fail("there is %#x behind the end of the file", byte);
	}
	must(ftruncate(fd, 4 * PAGE));
	byte = area[2 * PAGE];
	if (byte)
		fail("the file has grown, but not with zeroes");
	return pass();
}
