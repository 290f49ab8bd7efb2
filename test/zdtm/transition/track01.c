// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records in mappings that are moved, given back, thrown away, made anew in their old place, grown,
 * and inherited by children, some of which execute another program. A page that looks like one
 * that was saved before, but is not, would show here.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "records.h"

#define PAGE    4096
#define PAGES   64
#define AREA    (PAGES * PAGE)
#define AREAS   24
#define IN_PAGE (PAGE / sizeof(struct record))

#define EXECUTED "--executed" /* the argument of the program that a child executes */

static char *filename;
TEST_OPTION(filename, string, "file to map", true);

static struct record_area areas[AREAS];
static uint32_t seed = 7;
static int file;

static bool is_of_file(const struct record_area *a)
{
	return (a - areas) % 3 == 2;
}

static void map_at(struct record_area *a, void *at)
{
	int flags = MAP_PRIVATE | (at ? MAP_FIXED : 0) | (is_of_file(a) ? 0 : MAP_ANONYMOUS);
	void *got = mmap(at, AREA, PROT_READ | PROT_WRITE, flags, is_of_file(a) ? file : -1, 0);

	must(got == MAP_FAILED ? -1 : 0);
	a->at = got;
}

static void move(struct record_area *a)
{
	void *to = mmap(NULL, AREA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(to == MAP_FAILED ? -1 : 0);
	a->at = (void *)must((long)mremap(a->at, AREA, AREA, MREMAP_MAYMOVE | MREMAP_FIXED, to));
}

/* Two change places: what was saved of an address is there, but belongs elsewhere now. */
static void swap(struct record_area *a, struct record_area *b)
{
	void *was = a->at, *other = b->at;
	void *aside = mmap(NULL, AREA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(aside == MAP_FAILED ? -1 : 0);
	must((long)mremap(was, AREA, AREA, MREMAP_MAYMOVE | MREMAP_FIXED, aside));
	must((long)mremap(other, AREA, AREA, MREMAP_MAYMOVE | MREMAP_FIXED, was));
	must((long)mremap(aside, AREA, AREA, MREMAP_MAYMOVE | MREMAP_FIXED, other));
	a->at = other;
	b->at = was;
}

static bool all_good(void)
{
	bool good = true;

	for (size_t i = 0; i < AREAS; i++)
		good = records_are_good(&areas[i]) && good;
	return good;
}

/* Has what its parent had, and writes to it: that must be seen by nobody else. */
static int child(void *arg)
{
	if (!all_good())
		return 1;
	for (size_t i = 0; i < AREAS; i++)
		record_write(&areas[i], 5, 1000000);
	if (arg)
		execl("/proc/self/exe", "track01", EXECUTED, NULL);
	return all_good() ? 0 : 1;
}

/* The kernel writes the records, not the program. */
static void write_by_kernel(struct record_area *a, size_t i, uint64_t number)
{
	struct record_area one = { .name = "pipe", .nr = a->nr, .last = a->last };
	struct record *buffer = calloc(a->nr, sizeof(*buffer));
	int fds[2];

	expect(buffer, "no buffer");
	one.at = buffer;
	record_write(&one, i, number);
	must(pipe(fds));
	must(write(fds[1], &buffer[i], sizeof(*buffer)));
	must(read(fds[0], &a->at[i], sizeof(*buffer)));
	close(fds[0]);
	close(fds[1]);
	free(buffer);
}

static bool act(uint64_t number)
{
	struct record_area *a = &areas[records_random(&seed) % AREAS];
	size_t i = records_random(&seed) % a->nr, page = i / IN_PAGE;
	uint8_t *at = (uint8_t *)a->at + page * PAGE;
	bool good = record_is_good(a, i);

	switch (records_random(&seed) % 64) {
	case 0:
		move(a);
		break;
	case 1:
		must(munmap(a->at, AREA));
		map_at(a, a->at);
		records_forget(a, 0, a->nr);
		break;
	case 2:
		map_at(a, a->at);
		records_forget(a, 0, a->nr);
		break;
	case 3:
	case 4:
		must(madvise(at, PAGE, MADV_DONTNEED));
		records_forget(a, page * IN_PAGE, IN_PAGE);
		break;
	case 5:
		if (is_of_file(a) == is_of_file(&areas[0]))
			swap(a, &areas[a == &areas[0] ? 1 : 0]);
		break;
	case 6:
		good = test_reap(test_child(child, (void *)(uintptr_t)(number % 2)), "a child") &&
		       good;
		break;
	case 7:
		must(mprotect(at, PAGE, PROT_NONE));
		must(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
		break;
	case 8:
	case 9:
		write_by_kernel(a, i, number);
		break;
	default:
		record_write(a, i, number);
	}
	return good;
}

int main(int argc, char **argv)
{
	bool good = true;

	if (argc == 2 && !strcmp(argv[1], EXECUTED))
		return 0;
	test_init(argc, argv);
	file = (int)must(open(filename, O_RDWR | O_CREAT, 0600));
	must(ftruncate(file, AREA));
	for (size_t i = 0; i < AREAS; i++) {
		records_init(&areas[i], is_of_file(&areas[i]) ? "of a file" : "anonymous", NULL,
			     AREA);
		map_at(&areas[i], NULL);
	}
	test_daemon();
	for (uint64_t number = 1; good && test_go(); number++)
		good = act(number);
	if (!good || !all_good())
		return fail("a record is wrong");
	unlink(filename);
	return pass();
}
