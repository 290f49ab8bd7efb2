// SPDX-License-Identifier: GPL-2.0-only
/* Huge pages of hugetlbfs: private, shared and of a memfd; some of them touched. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define OVERCOMMIT "/proc/sys/vm/nr_overcommit_hugepages"
#define WANTED     64
#define HUGE       (2ul << 20)
#define PART       100000 /* of a page, that is written to */

static uint8_t *own, *lazy, *shared, *in_file;

static int overcommit(int nr)
{
	char text[32];
	int fd = must(open(OVERCOMMIT, O_RDWR)), was;

	must(read(fd, text, sizeof(text)));
	was = atoi(text);
	must(pwrite(fd, text, (size_t)snprintf(text, sizeof(text), "%d", nr), 0));
	close(fd);
	return was;
}

static bool is_there(uint8_t *at)
{
	unsigned char there;

	must(mincore(at, 4096, &there));
	return there & 1;
}

static int child(void *arg)
{
	datagen(own, PART, 11);
	datagen(shared + HUGE, PART, 12);
	ready_report(arg);
	test_waitsig();
	expect(datachk(own, PART, 11) == PART, "the child's page is wrong");
	expect(datachk(own + HUGE, PART, 2) == PART, "the child's page from before is wrong");
	expect(datachk(shared, PART, 3) == PART, "the child's shared page is wrong");
	datagen(shared + 2 * HUGE, PART, 13);
	return 0;
}

static int check(void)
{
	if (datachk(own, PART, 1) != PART || datachk(own + HUGE, PART, 2) != PART)
		return fail("private pages are wrong");
	if (datachk(lazy + HUGE, PART, 6) != PART)
		return fail("a page without a reserve is wrong");
	if (is_there(lazy) || is_there(own + 2 * HUGE))
		return fail("pages that nobody has touched are there");
	if (datachk(shared, PART, 3) != PART || datachk(shared + HUGE, PART, 12) != PART)
		return fail("shared pages are wrong");
	if (datachk(in_file, PART, 4) != PART)
		return fail("pages of the memfd are wrong");
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	int was, fd;
	pid_t pid;

	test_init(argc, argv);
	was = overcommit(WANTED);
	if (was == WANTED)
		was = 0; /* of a run that was killed */
	own = map_anon(3 * HUGE, PROT_READ | PROT_WRITE, MAP_HUGETLB);
	lazy = map_anon(2 * HUGE, PROT_READ | PROT_WRITE, MAP_HUGETLB | MAP_NORESERVE);
	shared = map_anon(3 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_HUGETLB);
	fd = must(memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING));
	must(ftruncate(fd, 2 * HUGE));
	in_file = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(in_file == MAP_FAILED ? -1 : 0);
	datagen(own, PART, 1);
	datagen(own + HUGE, PART, 2);
	datagen(lazy + HUGE, PART, 6);
	datagen(shared, PART, 3);
	datagen(in_file, PART, 4);
	must(mprotect(own + HUGE, HUGE, PROT_READ));
	must(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (check())
		return 1;
	if (!test_stop(pid, "child"))
		return fail("the child is not well");
	if (datachk(shared + 2 * HUGE, PART, 13) != PART)
		return fail("what the child writes does not come here");
	if (fcntl(fd, F_GET_SEALS) != F_SEAL_SHRINK)
		return fail("the seals are different");
	if (datachk(own, PART, 1) != PART)
		return fail("what the child wrote is here");
	overcommit(was);
	return pass();
}
