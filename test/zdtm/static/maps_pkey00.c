// SPDX-License-Identifier: GPL-2.0-only
/* Protection keys: two of three are in use, and what a thread may do with them. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define PAGE 4096

int main(int argc, char **argv)
{
	int keys[3], next;
	uint8_t *area;

	test_init(argc, argv);
	area = map_anon(4 * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(area, 4 * PAGE, 1);
	for (int i = 0; i < 3; i++)
		keys[i] = (int)must(pkey_alloc(0, 0));
	must(pkey_mprotect(area + PAGE, PAGE, PROT_READ | PROT_WRITE, keys[0]));
	must(pkey_mprotect(area + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, keys[2]));
	must(pkey_free(keys[1]));
	must(pkey_set(keys[0], PKEY_DISABLE_WRITE));
	must(pkey_set(keys[2], PKEY_DISABLE_ACCESS));
	test_daemon();
	test_waitsig();

	if (pkey_get(keys[0]) != PKEY_DISABLE_WRITE || pkey_get(keys[2]) != PKEY_DISABLE_ACCESS)
		return fail("the rights are %d and %d", pkey_get(keys[0]), pkey_get(keys[2]));
	next = pkey_alloc(0, 0);
	if (next != keys[1])
		return fail("the next key is %d instead of %d", next, keys[1]);
	must(pkey_set(keys[2], 0));
	if (datachk(area, 4 * PAGE, 1) != 4 * PAGE)
		return fail("the contents are wrong");
	must(pkey_mprotect(area + PAGE, PAGE, PROT_READ | PROT_WRITE, 0));
	area[PAGE] = 1;
	return pass();
}
