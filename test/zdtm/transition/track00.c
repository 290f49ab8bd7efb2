// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads and processes write records into mappings of many kinds, all the time. After dumps
 * that build upon each other no record may be an older one, or half a one.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "records.h"

#define PAGE      4096
#define AREA      (256 * PAGE)
#define KINDS     8
#define LARGE     (24 << 20)
#define THREADS   3
#define PROCESSES 2

static char *filename;
TEST_OPTION(filename, string, "file to map", true);

struct worker {
	struct record_area areas[KINDS];
	uint32_t random;
	bool bad;
};

static struct worker workers[THREADS + 1];
static uint8_t data_area[AREA / 8] __attribute__((aligned(PAGE)));
static volatile bool over;

static void *map_zeros(int flags, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	must(at == MAP_FAILED ? -1 : 0);
	return at;
}

/* Of zeros, as long as nobody writes. */
static void *map_file(int flags)
{
	int fd = (int)must(open(filename, O_RDWR | O_CREAT, 0600));
	void *at;

	must(ftruncate(fd, AREA));
	at = mmap(NULL, AREA, PROT_READ | PROT_WRITE, flags, fd, 0);
	must(at == MAP_FAILED ? -1 : 0);
	close(fd);
	return at;
}

static void areas_make(struct worker *w, uint32_t seed)
{
	void *huge = map_zeros(MAP_PRIVATE, AREA), *late = map_zeros(MAP_PRIVATE, AREA);
	void *heap = aligned_alloc(PAGE, AREA / 8);
	size_t large = seed == 1 ? LARGE : AREA; /* is scanned in another way */

	expect(heap, "no heap");
	for (size_t i = 0; i < AREA / 8; i++)
		((volatile uint8_t *)heap)[i] = 0;
	must(madvise(huge, AREA, MADV_HUGEPAGE));
	records_init(&w->areas[0], "anonymous", map_zeros(MAP_PRIVATE, AREA), AREA);
	records_init(&w->areas[1], "not reserved", map_zeros(MAP_PRIVATE | MAP_NORESERVE, AREA),
		     AREA);
	records_init(&w->areas[2], "shared", map_zeros(MAP_SHARED, AREA), AREA);
	records_init(&w->areas[3], "of a file", map_file(MAP_PRIVATE), AREA);
	records_init(&w->areas[4], "huge", huge, AREA);
	records_init(&w->areas[5], "heap", heap, AREA / 8);
	records_init(&w->areas[6], "read-only by turns", late, AREA);
	records_init(&w->areas[7], "large", map_zeros(MAP_PRIVATE, large), large);
	w->random = seed;
}

static bool work(struct worker *w, uint64_t number)
{
	struct record_area *a = &w->areas[records_random(&w->random) % KINDS];
	size_t i = records_random(&w->random) % a->nr;

	if (!record_is_good(a, i))
		return false;
	if (a == &w->areas[6])
		must(mprotect(a->at, AREA, PROT_READ | PROT_WRITE));
	record_write(a, i, number);
	if (a == &w->areas[6])
		must(mprotect(a->at, AREA, PROT_READ));
	return true;
}

static bool all_good(const struct worker *w)
{
	bool good = true;

	for (size_t k = 0; k < KINDS; k++)
		good = records_are_good(&w->areas[k]) && good;
	return good;
}

static void *thread(void *arg)
{
	struct worker *w = arg;

	for (uint64_t number = 1; !over && !w->bad; number++)
		w->bad = !work(w, number);
	w->bad = !all_good(w) || w->bad;
	return NULL;
}

/* Stack and static data, too: of the main thread only. */
static int process(void *arg)
{
	uint8_t stack[AREA / 8] __attribute__((aligned(PAGE))) = { 0 };
	struct worker *w = &workers[THREADS];
	struct record_area on_stack, in_data;
	bool good = true;

	areas_make(w, (uint32_t)(uintptr_t)arg);
	records_init(&on_stack, "stack", stack, sizeof(stack));
	records_init(&in_data, "data", data_area, sizeof(data_area));
	for (uint64_t number = 1; good && test_go(); number++) {
		size_t i = records_random(&w->random) % on_stack.nr;

		good =
		    work(w, number) && record_is_good(&on_stack, i) && record_is_good(&in_data, i);
		record_write(&on_stack, i, number);
		record_write(&in_data, i, number);
	}
	good = all_good(w) && good;
	good = records_are_good(&on_stack) && good;
	return records_are_good(&in_data) && good ? 0 : 1;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	pid_t children[PROCESSES];
	char name[32];

	test_init(argc, argv);
	for (uintptr_t i = 0; i < PROCESSES; i++)
		children[i] = test_companion(process, (void *)(i + 100));
	for (uint32_t i = 0; i < THREADS; i++) {
		areas_make(&workers[i], i + 1);
		threads[i] = test_thread(thread, &workers[i]);
	}
	test_daemon();
	test_waitsig();
	over = true;
	for (uint32_t i = 0; i < THREADS; i++) {
		must0(pthread_join(threads[i], NULL));
		if (workers[i].bad)
			fail("thread %u has found a wrong record", i);
	}
	for (uint32_t i = 0; i < PROCESSES; i++) {
		snprintf(name, sizeof(name), "process %u", i);
		if (!test_stop(children[i], name))
			fail("%s has found a wrong record", name);
	}
	unlink(filename);
	return pass();
}
