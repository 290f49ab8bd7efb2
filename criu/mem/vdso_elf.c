// SPDX-License-Identifier: GPL-2.0-only
/* vdso(7): a small shared library whose one segment begins at its ELF header, so that
 * addresses in its dynamic section are offsets. */
#include "criu/mem/vdso_elf.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "criu/base/mem.h"
#include "criu/base/str.h"

struct tables {
	uint64_t symtab, strtab, strsz;
};

static bool inside(uint64_t off, uint64_t size, size_t len)
{
	return off <= len && size <= len - off;
}

static void dynamic_entry(const Elf64_Dyn *d, struct tables *t)
{
	switch (d->d_tag) {
	case DT_SYMTAB:
		t->symtab = d->d_un.d_ptr;
		break;
	case DT_STRTAB:
		t->strtab = d->d_un.d_ptr;
		break;
	case DT_STRSZ:
		t->strsz = d->d_un.d_val;
		break;
	default:
		break;
	}
}

static int tables_find(const uint8_t *elf, size_t len, struct tables *ret)
{
	Elf64_Ehdr h;
	struct tables t = { 0 };

	if (len < sizeof(h))
		return -EINVAL;
	memcpy(&h, elf, sizeof(h));
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_phentsize != sizeof(Elf64_Phdr) ||
	    !inside(h.e_phoff, h.e_phnum * sizeof(Elf64_Phdr), len))
		return -EINVAL;
	for (size_t i = 0; i < h.e_phnum; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, elf + h.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_DYNAMIC || !inside(ph.p_offset, ph.p_filesz, len))
			continue;
		for (uint64_t off = 0; off + sizeof(Elf64_Dyn) <= ph.p_filesz;
		     off += sizeof(Elf64_Dyn)) {
			Elf64_Dyn d;

			memcpy(&d, elf + ph.p_offset + off, sizeof(d));
			dynamic_entry(&d, &t);
		}
	}
	if (!t.symtab || !t.strtab || !inside(t.strtab, t.strsz, len) || t.symtab >= len ||
	    !t.strsz || elf[t.strtab + t.strsz - 1])
		return -EINVAL;
	*ret = t;
	return 0;
}

/* The table has no length of its own; it ends where the next one begins. */
static uint64_t symtab_end(const struct tables *t, size_t len)
{
	return t->strtab > t->symtab ? t->strtab : len;
}

int vdso_symbols(const uint8_t *elf, size_t len, struct vdso_symbol ret[VDSO_SYMBOLS_MAX])
{
	struct tables t;
	int nr = 0, r = tables_find(elf, len, &t);

	if (r < 0)
		return r;
	for (uint64_t at = t.symtab; at + sizeof(Elf64_Sym) <= symtab_end(&t, len);
	     at += sizeof(Elf64_Sym)) {
		Elf64_Sym s;

		memcpy(&s, elf + at, sizeof(s));
		if (ELF64_ST_TYPE(s.st_info) != STT_FUNC || !s.st_value)
			continue;
		if (s.st_name >= t.strsz || nr == VDSO_SYMBOLS_MAX)
			return -EINVAL;
		ret[nr++] = (struct vdso_symbol){ (const char *)elf + t.strtab + s.st_name,
						  s.st_value, s.st_size };
	}
	return nr;
}

static bool has_symbol(const struct vdso_symbol *v, int nr, const struct vdso_symbol *want)
{
	for (int i = 0; i < nr; i++)
		if (v[i].offset == want->offset && v[i].size == want->size &&
		    str_eq(v[i].name, want->name))
			return true;
	return false;
}

bool vdso_same_entries(const uint8_t *was, const uint8_t *now, size_t len, const char **ret_name)
{
	struct vdso_symbol old[VDSO_SYMBOLS_MAX], new[VDSO_SYMBOLS_MAX];
	int nr_old = vdso_symbols(was, len, old), nr_new = vdso_symbols(now, len, new);

	*ret_name = NULL;
	if (nr_old < 0 || nr_new < 0)
		return false;
	for (int i = 0; i < nr_old; i++) {
		if (has_symbol(new, nr_new, &old[i]))
			continue;
		*ret_name = old[i].name;
		return false;
	}
	return true;
}
