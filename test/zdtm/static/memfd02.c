// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of memfds that nobody has open: shared with a child, private with a page of its own,
 * for reading only, beyond what the file has; what lies behind its end in the last page.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE  4096
#define PAGES 8
#define SIZE  ((PAGES - 1) * PAGE + 100)
#define TAIL  (SIZE + 50)

static uint8_t *shared;

static int child(void *arg)
{
	(void)arg;
	test_waitsig();
	expect(shared[TAIL] == 't', "what is behind the end is not shared");
	shared[3 * PAGE] = 'c';
	return 0;
}

static uint8_t *map(int fd, off_t off, int prot, int flags)
{
	void *at = mmap(NULL, PAGES * PAGE - (size_t)off, prot, flags, fd, off);

	expect(at != MAP_FAILED, "mmap");
	return at;
}

int main(int argc, char **argv)
{
	uint8_t *own, *reader;
	int fd, other;
	pid_t pid;

	test_init(argc, argv);
	fd = (int)must(memfd_create("mapped", 0));
	other = (int)must(memfd_create("mapped", 0));
	must(ftruncate(fd, SIZE));
	must(ftruncate(other, SIZE));
	shared = map(fd, 0, PROT_READ | PROT_WRITE, MAP_SHARED);
	datagen(shared, SIZE, 1);
	shared[TAIL] = 't';
	own = map(fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	own[0] = 'o';
	must(write(other, "other", 5));
	reader = map(other, 0, PROT_READ, MAP_SHARED);
	must(close(fd));
	must(close(other));
	pid = test_child(child, NULL);
	test_daemon();
	test_waitsig();

	if (datachk(shared, SIZE, 1) != SIZE)
		return fail("contents");
	if (shared[PAGE] == 'o' || own[0] != 'o')
		return fail("the private page");
	if (datachk_at(own + PAGE, PAGE, 1, 2 * PAGE) != PAGE)
		return fail("what the private mapping has of the file");
	if (reader[0] != 'o' || reader[5])
		return fail("the other memfd");
	if (!test_stop(pid, "child"))
		return fail("the child");
	if (shared[3 * PAGE] != 'c' || own[2 * PAGE] != 'c')
		return fail("what the child writes does not come through");
	return pass();
}
