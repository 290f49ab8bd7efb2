// SPDX-License-Identifier: GPL-2.0-only
/* Locked memory: at once, and as it is touched (MLOCK_ONFAULT). */
#include "zdtmtst.h"

#include <sys/mman.h>

#define PAGE  4096
#define PAGES 8

int main(int argc, char **argv)
{
	unsigned char resident[PAGES];
	uint8_t *locked, *on_fault;

	test_init(argc, argv);
	locked = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(locked, PAGES * PAGE, 1);
	must(mlock(locked + PAGE, 4 * PAGE));
	on_fault = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	must(mlock2(on_fault, PAGES * PAGE, MLOCK_ONFAULT));
	datagen(on_fault, 2 * PAGE, 2);
	test_daemon();
	test_waitsig();

	if (datachk(locked, PAGES * PAGE, 1) != PAGES * PAGE ||
	    datachk(on_fault, 2 * PAGE, 2) != 2 * PAGE)
		fail("the contents are wrong");
	/* That they are locked is seen in VmLck and VmFlags. */
	must(mincore(on_fault, PAGES * PAGE, resident));
	for (int i = 2; i < PAGES; i++)
		if (resident[i] & 1)
			fail("page %d was made without being touched", i);
	return pass();
}
