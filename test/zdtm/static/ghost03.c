// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of deleted files: private with changed pages, shared with a child, and executable. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define SIZE (8 * PAGE)

static char *filename;
TEST_OPTION(filename, string, "file to delete", true);

static uint8_t *shared;

static int child(void *arg)
{
	(void)arg;
	test_waitsig();
	shared[SIZE - 1] = 42;
	return datachk(shared, SIZE - 1, 2) != SIZE - 1;
}

static uint8_t *map_deleted(uint32_t seed, int prot, int flags)
{
	int fd = file_make(filename, SIZE, seed);
	uint8_t *p = mmap(NULL, SIZE, prot, flags, fd, 0);

	must(p == MAP_FAILED ? -1 : 0);
	must(unlink(filename));
	must(close(fd));
	return p;
}

int main(int argc, char **argv)
{
	uint8_t *own, *code;
	pid_t pid;

	test_init(argc, argv);
	own = map_deleted(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	shared = map_deleted(2, PROT_READ | PROT_WRITE, MAP_SHARED);
	code = map_deleted(3, PROT_READ | PROT_EXEC, MAP_PRIVATE);
	datagen(own + PAGE, PAGE, 7);
	pid = test_child(child, NULL);
	test_daemon();
	test_waitsig();

	if (datachk(own, PAGE, 1) != PAGE || datachk(own + PAGE, PAGE, 7) != PAGE ||
	    datachk_at(own + 2 * PAGE, SIZE - 2 * PAGE, 1, 2 * PAGE) != SIZE - 2 * PAGE)
		return fail("the private mapping");
	if (datachk(code, SIZE, 3) != SIZE)
		return fail("the executable mapping");
	if (!test_stop(pid, "child") || shared[SIZE - 1] != 42)
		return fail("the shared mapping");
	return pass();
}
