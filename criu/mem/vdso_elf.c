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

/* Headers and tables of both classes, in one form. */
struct elf {
	const uint8_t *at;
	size_t len;
	bool is_32bit;
};

struct segment {
	uint32_t type;
	uint64_t off, size;
};

struct header {
	uint64_t phoff, phnum, phentsize;
};

#define READ(from, type)                                                                           \
	({                                                                                         \
		type v_;                                                                           \
		memcpy(&v_, (from), sizeof(v_));                                                   \
		v_;                                                                                \
	})
#define SIZE_OF(e, what) ((e)->is_32bit ? sizeof(Elf32_##what) : sizeof(Elf64_##what))

static struct header header_read(const struct elf *e)
{
	if (e->is_32bit) {
		Elf32_Ehdr h = READ(e->at, Elf32_Ehdr);

		return (struct header){ h.e_phoff, h.e_phnum, h.e_phentsize };
	}
	Elf64_Ehdr h = READ(e->at, Elf64_Ehdr);

	return (struct header){ h.e_phoff, h.e_phnum, h.e_phentsize };
}

static struct segment segment_read(const struct elf *e, uint64_t off)
{
	if (e->is_32bit) {
		Elf32_Phdr h = READ(e->at + off, Elf32_Phdr);

		return (struct segment){ h.p_type, h.p_offset, h.p_filesz };
	}
	Elf64_Phdr h = READ(e->at + off, Elf64_Phdr);

	return (struct segment){ h.p_type, h.p_offset, h.p_filesz };
}

static void dynamic_read(const struct elf *e, uint64_t off, struct tables *t)
{
	int64_t tag =
	    e->is_32bit ? READ(e->at + off, Elf32_Dyn).d_tag : READ(e->at + off, Elf64_Dyn).d_tag;
	uint64_t value = e->is_32bit ? READ(e->at + off, Elf32_Dyn).d_un.d_val
				     : READ(e->at + off, Elf64_Dyn).d_un.d_val;

	switch (tag) {
	case DT_SYMTAB:
		t->symtab = value;
		break;
	case DT_STRTAB:
		t->strtab = value;
		break;
	case DT_STRSZ:
		t->strsz = value;
		break;
	default:
		break;
	}
}

/* Elf32_Sym has the same members in another order. */
static Elf64_Sym symbol_read(const struct elf *e, uint64_t off)
{
	Elf32_Sym s;

	if (!e->is_32bit)
		return READ(e->at + off, Elf64_Sym);
	s = READ(e->at + off, Elf32_Sym);
	return (Elf64_Sym){ s.st_name, s.st_info, s.st_other, s.st_shndx, s.st_value, s.st_size };
}

static int elf_open(const uint8_t *at, size_t len, struct elf *ret)
{
	struct elf e = { at, len, len > EI_CLASS && at[EI_CLASS] == ELFCLASS32 };

	if (len < SIZE_OF(&e, Ehdr) || memcmp(at, ELFMAG, SELFMAG) != 0 ||
	    (!e.is_32bit && at[EI_CLASS] != ELFCLASS64))
		return -EINVAL;
	*ret = e;
	return 0;
}

static int tables_find(const struct elf *e, struct tables *ret)
{
	struct header h = header_read(e);
	struct tables t = { 0 };

	if (h.phentsize != SIZE_OF(e, Phdr) || !inside(h.phoff, h.phnum * h.phentsize, e->len))
		return -EINVAL;
	for (size_t i = 0; i < h.phnum; i++) {
		struct segment s = segment_read(e, h.phoff + i * h.phentsize);

		if (s.type != PT_DYNAMIC || !inside(s.off, s.size, e->len))
			continue;
		for (uint64_t off = 0; off + SIZE_OF(e, Dyn) <= s.size; off += SIZE_OF(e, Dyn))
			dynamic_read(e, s.off + off, &t);
	}
	if (!t.symtab || !t.strtab || !inside(t.strtab, t.strsz, e->len) || t.symtab >= e->len ||
	    !t.strsz || e->at[t.strtab + t.strsz - 1])
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
	struct elf e;
	int nr = 0, r = elf_open(elf, len, &e);

	if (r >= 0)
		r = tables_find(&e, &t);
	if (r < 0)
		return r;
	for (uint64_t at = t.symtab; at + SIZE_OF(&e, Sym) <= symtab_end(&t, len);
	     at += SIZE_OF(&e, Sym)) {
		Elf64_Sym s = symbol_read(&e, at);

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
