// SPDX-License-Identifier: GPL-2.0-only
/* The vdso of this process is an ELF file that the parser knows; damaged it never crashes. */
#include <elf.h>
#include <stddef.h>
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

/* As small as it can be: one segment, one dynamic section, one function. */
struct vdso32 {
	Elf32_Ehdr head;
	Elf32_Phdr segment;
	Elf32_Dyn dynamic[4];
	Elf32_Sym sym[2];
	char str[24];
};

static struct vdso32 vdso32_make(void)
{
	struct vdso32 v = {
		.head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32 },
			  .e_phoff = offsetof(struct vdso32, segment),
			  .e_phentsize = sizeof(Elf32_Phdr),
			  .e_phnum = 1 },
		.segment = { .p_type = PT_DYNAMIC,
			     .p_offset = offsetof(struct vdso32, dynamic),
			     .p_filesz = sizeof(Elf32_Dyn) * 4 },
		.dynamic = { { DT_SYMTAB, { offsetof(struct vdso32, sym) } },
			     { DT_STRTAB, { offsetof(struct vdso32, str) } },
			     { DT_STRSZ, { sizeof(v.str) } } },
		.sym[1] = { .st_name = 1,
			    .st_value = 0x560,
			    .st_size = 11,
			    .st_info = ELF32_ST_INFO(STB_GLOBAL, STT_FUNC) },
		.str = "\0__kernel_vsyscall",
	};

	return v;
}

TEST(vdso_of_32bit_code)
{
	struct vdso32 v = vdso32_make(), moved = vdso32_make();
	struct vdso_symbol s[VDSO_SYMBOLS_MAX];
	const char *name;

	CHECK_INT_EQ(vdso_symbols((const uint8_t *)&v, sizeof(v), s), 1);
	CHECK_STR_EQ(s[0].name, "__kernel_vsyscall");
	CHECK_INT_EQ(s[0].offset, 0x560);
	CHECK_INT_EQ(s[0].size, 11);
	CHECK(vdso_same_entries((const uint8_t *)&v, (const uint8_t *)&moved, sizeof(v), &name));
	moved.sym[1].st_value = 0x570;
	CHECK(!vdso_same_entries((const uint8_t *)&v, (const uint8_t *)&moved, sizeof(v), &name));
	CHECK_STR_EQ(name, "__kernel_vsyscall");
	for (size_t len = 0; len < sizeof(v); len++) {
		uint8_t *cut = mem_dup(&v, len);

		CHECK(vdso_symbols(cut, len, s) <= 0 || len > offsetof(struct vdso32, str));
		free(cut);
	}
}
