// SPDX-License-Identifier: GPL-2.0-only
/* Much memory, for which flags are not asked of smaps, in mappings with flags of all sorts. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define LARGE (48ul << 20)
#define SMALL (64ul << 10)

/* advice: -1: none */
struct area {
	int prot, flags, advice;
};

/* crtool knows what these look like, */
static const struct area usual[] = {
	{ PROT_READ | PROT_WRITE, 0, -1 },
	{ PROT_READ | PROT_WRITE, 0, MADV_NOHUGEPAGE },
	{ PROT_READ | PROT_WRITE, 0, MADV_DONTFORK },
	{ PROT_READ | PROT_WRITE, 0, MADV_DONTDUMP },
	{ PROT_READ | PROT_WRITE, MAP_NORESERVE, -1 },
	{ PROT_READ | PROT_WRITE, MAP_NORESERVE, MADV_HUGEPAGE },
	{ PROT_NONE, 0, -1 },
};

/* and can conclude what these look like. */
static const struct area unusual[] = {
	{ PROT_READ | PROT_WRITE, 0, MADV_WIPEONFORK },
	{ PROT_READ | PROT_WRITE, 0, MADV_SEQUENTIAL },
	{ PROT_READ | PROT_WRITE, MAP_NORESERVE, MADV_RANDOM },
	{ PROT_READ | PROT_WRITE, MAP_GROWSDOWN, -1 },
	{ PROT_READ, 0, MADV_DONTDUMP },
};

#define USUAL   (sizeof(usual) / sizeof(usual[0]))
#define UNUSUAL (sizeof(unusual) / sizeof(unusual[0]))

static void areas_make(const struct area *areas, size_t nr, uint8_t **at)
{
	for (size_t i = 0; i < nr; i++) {
		size_t size = i ? SMALL : LARGE;

		at[i] = map_anon(size, PROT_READ | PROT_WRITE, areas[i].flags);
		datagen(at[i], size, (uint32_t)i);
		must(areas[i].advice < 0 ? 0 : madvise(at[i], size, areas[i].advice));
		must(mprotect(at[i], size, areas[i].prot));
	}
}

static bool areas_are_good(size_t nr, uint8_t **at)
{
	for (size_t i = 0; i < nr; i++) {
		size_t size = i ? SMALL : LARGE;

		must(mprotect(at[i], size, PROT_READ));
		if (datachk(at[i], size, (uint32_t)i) != size) {
			test_msg("area %zu has changed\n", i);
			return false;
		}
	}
	return true;
}

static int child(void *arg)
{
	uint8_t *at[UNUSUAL];

	areas_make(unusual, UNUSUAL, at);
	ready_report(arg);
	test_waitsig();
	return areas_are_good(UNUSUAL, at) ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct ready ready;
	uint8_t *at[USUAL];
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	areas_make(usual, USUAL, at);
	test_daemon();
	test_waitsig();

	if (!areas_are_good(USUAL, at))
		return fail("the memory of the parent has changed");
	if (!test_stop(pid, "the child"))
		return fail("the memory of the child has changed");
	return pass();
}
