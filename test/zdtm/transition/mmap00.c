// SPDX-License-Identifier: GPL-2.0-only
/* Mappings that are made, filled, cut, moved and removed, all the time. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define PAGE  4096
#define SLOTS 64

static struct slot {
	uint8_t *at;
	size_t pages;
	uint32_t seed;
} slots[SLOTS];

static void slot_make(struct slot *slot, uint32_t seed)
{
	slot->pages = 2 + seed % 30;
	slot->seed = seed;
	slot->at = map_anon(slot->pages * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(slot->at, slot->pages * PAGE, seed);
}

static bool slot_is_good(const struct slot *slot)
{
	return datachk(slot->at, slot->pages * PAGE, slot->seed) == slot->pages * PAGE;
}

/* Cuts off a page, makes the first read-only and back, and lets the rest move. */
static void slot_change(struct slot *slot)
{
	must(munmap(slot->at + (slot->pages - 1) * PAGE, PAGE));
	slot->pages--;
	must(mprotect(slot->at, PAGE, PROT_READ));
	must(mprotect(slot->at, PAGE, PROT_READ | PROT_WRITE));
	slot->at = (uint8_t *)must(
	    mremap(slot->at, slot->pages * PAGE, (slot->pages + 3) * PAGE, MREMAP_MAYMOVE));
	slot->pages += 3;
	datagen(slot->at, slot->pages * PAGE, slot->seed);
}

int main(int argc, char **argv)
{
	uint32_t round = 0;

	test_init(argc, argv);
	test_daemon();
	do {
		struct slot *slot = &slots[round++ * 2654435761u % SLOTS];

		if (slot->at && !slot_is_good(slot))
			return fail("round %u: %zu pages at %p are wrong", round, slot->pages,
				    (void *)slot->at);
		if (slot->at && round % 3) {
			slot_change(slot);
			continue;
		}
		if (slot->at)
			must(munmap(slot->at, slot->pages * PAGE));
		slot_make(slot, round);
	} while (test_go());
	for (size_t i = 0; i < SLOTS; i++)
		if (slots[i].at && !slot_is_good(&slots[i]))
			fail("at the end slot %zu is wrong", i);
	return pass();
}
