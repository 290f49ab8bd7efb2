// SPDX-License-Identifier: GPL-2.0-only
/* Which pages are shared by whom since a fork: of anonymous memory, the heap, written data. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE   4096
#define PAGES  256
#define TASKS  4
#define PLACES 3

static uint8_t data[(PAGES + 1) * PAGE] = { 1 };
static uint8_t *place[PLACES];
static uint8_t before[PLACES][PAGES][TASKS], now[PLACES][PAGES][TASKS];
static pid_t *pids;
static struct steps *steps;
static struct ready ready;

static void put(size_t first, size_t nr, uint32_t seed)
{
	for (size_t i = 0; i < PLACES; i++)
		datagen_at(place[i] + first * PAGE, nr * PAGE, seed + (uint32_t)i, first * PAGE);
}

static void check(size_t first, size_t nr, uint32_t seed)
{
	for (size_t i = 0; i < PLACES; i++)
		expect(datachk_at(place[i] + first * PAGE, nr * PAGE, seed + (uint32_t)i,
				  first * PAGE) == nr * PAGE,
		       "place %zu: pages from %zu on are wrong", i, first);
}

static void life(size_t me)
{
	pids[me] = getpid();
	ready_report(&ready);
	steps_wait(steps, (uint32_t)me);
	if (me == 1) {
		put(32, 32, 20);
		must(mprotect(place[0] + 128 * PAGE, 16 * PAGE, PROT_READ));
	} else if (me == 2) {
		for (size_t i = 0; i < PLACES; i++)
			must(madvise(place[i] + 64 * PAGE, 32 * PAGE, MADV_DONTNEED));
		must(munmap(place[0] + (PAGES - 16) * PAGE, 16 * PAGE));
	} else {
		put(96, 32, 30);
		for (size_t i = 0; i < PLACES; i++)
			for (size_t n = 160; n < 192; n += 2)
				datagen_at(place[i] + n * PAGE, PAGE, 40 + (uint32_t)i, n * PAGE);
	}
	steps_reach(steps, (uint32_t)me + 1);
	test_waitsig();
	check(0, 32, 1);
	check(32, 32, me == 1 ? 20 : 1);
	check(96, 32, me == 3 ? 30 : 1);
	check(192, 32, 1);
	if (me == 2)
		expect(place[0][64 * PAGE] == 0 && place[1][95 * PAGE] == 0, "pages came back");
	/* Nobody else sees it. */
	put(200, 8, 50 + (uint32_t)me * 3);
	check(192, 8, 1);
	check(200, 8, 50 + (uint32_t)me * 3);
}

static int grandchild(void *arg)
{
	(void)arg;
	life(3);
	return 0;
}

static int child(void *arg)
{
	size_t me = (size_t)((uint8_t **)arg - place);
	pid_t pid = me == 1 ? test_child(grandchild, NULL) : 0;

	life(me);
	return pid && !test_stop(pid, "grandchild");
}

#define WHICH (1ull << 63 | ((1ull << 55) - 1)) /* of an entry of pagemap: there, and its frame */

/* Of each page, the first task that has the same one; 0xff: it is not there. */
static void look(uint8_t to[PLACES][PAGES][TASKS])
{
	static uint64_t entries[TASKS][PAGES];
	char path[32];

	for (size_t i = 0; i < PLACES; i++) {
		for (size_t t = 0; t < TASKS; t++) {
			off_t at = (off_t)((uintptr_t)place[i] / PAGE * sizeof(uint64_t));
			int fd;

			snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pids[t]);
			fd = must(open(path, O_RDONLY));
			must(pread(fd, entries[t], sizeof(entries[t]), at));
			close(fd);
		}
		for (size_t p = 0; p < PAGES; p++) {
			for (size_t t = 0; t < TASKS; t++) {
				size_t first = 0;

				while ((entries[first][p] ^ entries[t][p]) & WHICH)
					first++;
				to[i][p][t] = entries[t][p] >> 63 ? (uint8_t)first : 0xff;
			}
		}
	}
}

static size_t nr_shared(uint8_t of[PLACES][PAGES][TASKS])
{
	size_t nr = 0;

	for (size_t i = 0; i < PLACES; i++)
		for (size_t p = 0; p < PAGES; p++)
			for (size_t t = 0; t < TASKS; t++)
				nr += of[i][p][t] < t;
	return nr;
}

int main(int argc, char **argv)
{
	pid_t kids[2];

	test_init(argc, argv);
	place[0] = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	place[1] = data + PAGE - (uintptr_t)data % PAGE;
	place[2] = sbrk(0);
	place[2] += PAGE - (uintptr_t)place[2] % PAGE;
	must(brk(place[2] + PAGES * PAGE));
	pids = map_anon(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	steps = steps_new();
	put(0, PAGES, 1);
	ready_init(&ready);
	pids[0] = getpid();
	for (size_t i = 0; i < ARRAY_SIZE(kids); i++)
		kids[i] = test_child(child, &place[1 + i]);
	ready_collect(&ready, TASKS - 1);
	put(0, 32, 10);
	steps_reach(steps, 1);
	steps_wait(steps, TASKS);
	look(before);
	expect(nr_shared(before) > PLACES * PAGES, "a fork does not share pages here");
	test_daemon();
	test_waitsig();

	look(now);
	if (memcmp(before, now, sizeof(now)) != 0)
		return fail("%zu pages are those of another task, and were %zu", nr_shared(now),
			    nr_shared(before));
	for (size_t i = 0; i < ARRAY_SIZE(kids); i++)
		if (!test_stop(kids[i], "child"))
			return fail("child %zu is not well", i + 1);
	check(0, 32, 10);
	check(32, 168, 1);
	return pass();
}
