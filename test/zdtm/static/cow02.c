// SPDX-License-Identifier: GPL-2.0-only
/* Large memory that fork has shared: it is still one, but for what was written since. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE  4096
#define PAGES (16 * 512)
#define OWN   3000 /* the page that the child has written to */

static uint8_t *area;

static bool is_whole(uint32_t own_seed)
{
	for (size_t i = 0; i < PAGES; i++)
		if (datachk_at(area + i * PAGE, PAGE, i == OWN ? own_seed : 1, i * PAGE) != PAGE)
			return false;
	return true;
}

static int child(void *arg)
{
	datagen_at(area + OWN * PAGE, PAGE, 2, OWN * PAGE);
	ready_report(arg);
	test_waitsig();
	expect(is_whole(2), "the child's memory is wrong");
	memset(area, 3, PAGES * PAGE);
	return 0;
}

static void look(pid_t pid, uint64_t *entries)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	fd = must(open(path, O_RDONLY));
	must(pread(fd, entries, PAGES * sizeof(*entries), (off_t)((uintptr_t)area / PAGE * 8)));
	close(fd);
}

/* How many pages are not those of the child as well. */
static size_t nr_own(pid_t pid)
{
	static uint64_t mine[PAGES], its[PAGES];
	size_t nr = 0;

	look(getpid(), mine);
	look(pid, its);
	for (size_t i = 0; i < PAGES; i++)
		nr += ((mine[i] ^ its[i]) & ((1ull << 55) - 1)) != 0;
	return nr;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	area = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(area, PAGES * PAGE, 1);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	expect(nr_own(pid) == 1, "a fork does not share pages here");
	test_daemon();
	test_waitsig();

	if (nr_own(pid) != 1)
		return fail("%zu pages are not shared any more", nr_own(pid));
	if (!test_stop(pid, "child"))
		return fail("the child is not well");
	if (!is_whole(1))
		return fail("the memory is wrong");
	return pass();
}
