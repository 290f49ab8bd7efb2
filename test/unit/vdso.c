// SPDX-License-Identifier: GPL-2.0-only
/* The vdso of this process is an ELF file that the parser knows; damaged it never crashes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/mem/vdso_elf.h"
#include "test/unit/test.h"

#define VDSO_BYTES 8192

static uint8_t *own_vdso(void)
{
	return mem_dup((const void *)(uintptr_t)getauxval(AT_SYSINFO_EHDR), VDSO_BYTES);
}

TEST(vdso_has_clock_gettime)
{
	struct vdso_symbol s[VDSO_SYMBOLS_MAX];
	uint8_t *v = own_vdso();
	int nr = vdso_symbols(v, VDSO_BYTES, s), found = 0;

	CHECK(nr > 0);
	for (int i = 0; i < nr; i++)
		found += str_eq(s[i].name, "__vdso_clock_gettime");
	CHECK_INT_EQ(found, 1);
	free(v);
}

TEST(vdso_same_and_moved)
{
	struct vdso_symbol s[VDSO_SYMBOLS_MAX];
	uint8_t *was = own_vdso(), *now = own_vdso();
	const char *name;

	CHECK(vdso_same_entries(was, now, VDSO_BYTES, &name));
	CHECK(vdso_symbols(now, VDSO_BYTES, s) > 0);
	/* Rename one: the table of strings is in the copy. */
	((char *)(uintptr_t)s[0].name)[0] ^= 1;
	CHECK(!vdso_same_entries(was, now, VDSO_BYTES, &name));
	CHECK(name != NULL);
	free(was);
	free(now);
}

TEST(vdso_damaged)
{
	struct vdso_symbol s[VDSO_SYMBOLS_MAX];
	uint8_t *v = own_vdso();

	for (size_t len = 0; len < VDSO_BYTES; len += 7) {
		uint8_t *cut = mem_dup(v, len);

		CHECK(vdso_symbols(cut, len, s) <= VDSO_SYMBOLS_MAX);
		free(cut);
	}
	for (size_t i = 0; i < 2048; i++) {
		uint8_t was = v[i];

		for (int bit = 0; bit < 8; bit++) {
			v[i] = was ^ (uint8_t)(1 << bit);
			CHECK(vdso_symbols(v, VDSO_BYTES, s) <= VDSO_SYMBOLS_MAX);
		}
		v[i] = was;
	}
	free(v);
}
