// SPDX-License-Identifier: GPL-2.0-only
/*
 * Much memory of which little changes between two dumps: single pages are written to, read and
 * thrown away, now and then so many that whole page tables have gone, or are new. Half of it has
 * never been touched.
 */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "records.h"

#define PAGE       4096ul
#define PAGES      (64ul << 8)
#define TABLE      512 /* pages */
#define AREAS      2
#define FIRST_PAGE 13 /* not where a page table begins */

struct area {
	uint8_t *at;
	uint32_t *is; /* what stands in each page */
};

static struct area areas[AREAS];
static uint32_t seed = 3;

static uint32_t *number_at(const struct area *a, size_t page)
{
	return (uint32_t *)(a->at + page * PAGE + page % 1000 * 4);
}

static void area_make(struct area *a, int advice)
{
	a->at = map_anon((PAGES + FIRST_PAGE) * PAGE, PROT_READ | PROT_WRITE, 0);
	must(madvise(a->at, (PAGES + FIRST_PAGE) * PAGE, advice));
	a->at += FIRST_PAGE * PAGE;
	a->is = map_anon(PAGES * sizeof(*a->is), PROT_READ | PROT_WRITE, 0);
	for (size_t i = 0; i < PAGES; i++)
		if (i / (3 * TABLE) % 2)
			*number_at(a, i) = a->is[i] = 1;
}

static void pages_write(struct area *a, size_t first, size_t nr, uint32_t number)
{
	for (size_t i = first; i < first + nr && i < PAGES; i++)
		*number_at(a, i) = a->is[i] = number;
}

static void pages_throw(struct area *a, size_t first, size_t nr)
{
	nr = first + nr < PAGES ? nr : PAGES - first;
	must(madvise(a->at + first * PAGE, nr * PAGE, MADV_DONTNEED));
	for (size_t i = first; i < first + nr; i++)
		a->is[i] = 0;
}

static bool pages_are_good(const struct area *a, size_t first, size_t nr)
{
	for (size_t i = first; i < first + nr && i < PAGES; i++) {
		if (*number_at(a, i) == a->is[i])
			continue;
		test_msg("page %zu has %u instead of %u\n", i, *number_at(a, i), a->is[i]);
		return false;
	}
	return true;
}

static bool act(uint32_t number)
{
	struct area *a = &areas[records_random(&seed) % AREAS];
	size_t page = records_random(&seed) % PAGES, some = records_random(&seed) % (4 * TABLE);

	switch (records_random(&seed) % 64) {
	case 0:
		pages_throw(a, page, some);
		break;
	case 1:
		pages_write(a, page, some, number);
		break;
	case 2:
	case 3:
		pages_throw(a, page, 1 + some % 3);
		break;
	case 4:
	case 5:
	case 6:
		return pages_are_good(a, page, 1 + some % 3);
	default:
		pages_write(a, page, 1, number);
	}
	return true;
}

int main(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 }; /* so that little changes */
	bool good = true;

	test_init(argc, argv);
	area_make(&areas[0], MADV_NOHUGEPAGE);
	area_make(&areas[1], MADV_HUGEPAGE);
	test_daemon();
	for (uint32_t number = 2; good && test_go(); number++) {
		good = act(number);
		nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < AREAS; i++)
		good = pages_are_good(&areas[i], 0, PAGES) && good;
	return good ? pass() : fail("a page is wrong");
}
