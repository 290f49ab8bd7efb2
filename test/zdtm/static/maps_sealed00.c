// SPDX-License-Identifier: GPL-2.0-only
/* mseal(2): nobody changes the mapping any more. */
#include "zdtmtst.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define PAGE 4096

int main(int argc, char **argv)
{
	uint8_t *mem;

	test_init(argc, argv);
	mem = map_anon(8 * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(mem, 8 * PAGE, 1);
	must(mprotect(mem + 4 * PAGE, PAGE, PROT_READ));
	/* The middle; its neighbours stay free. */
	must(syscall(SYS_mseal, mem + 2 * PAGE, 4 * PAGE, 0));
	test_daemon();
	test_waitsig();

	if (datachk(mem, 8 * PAGE, 1) != 8 * PAGE)
		return fail("the contents are wrong");
	for (size_t i = 0; i < 8; i++) {
		bool sealed = i >= 2 && i < 6;
		int ret = mprotect(mem + i * PAGE, PAGE, PROT_NONE);

		if (sealed ? ret == 0 || errno != EPERM : ret < 0)
			return fail("page %zu is %s", i, sealed ? "not sealed" : "sealed");
	}
	datagen(mem + 2 * PAGE, 2 * PAGE, 2);
	return pass();
}
