// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/buildid.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/mem.h"

#define PHDRS_MAX 64
#define NOTES_MAX 4096

/* elf(5): notes are name and descriptor, each padded to four bytes. */
static int note_find(const uint8_t *p, size_t len, uint8_t *ret)
{
	while (len >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr n;
		size_t name, desc;

		memcpy(&n, p, sizeof(n));
		if (n.n_namesz > NOTES_MAX || n.n_descsz > NOTES_MAX)
			return 0;
		name = (n.n_namesz + 3u) & ~3ul;
		desc = (n.n_descsz + 3u) & ~3ul;
		if (len - sizeof(n) < name + desc)
			return 0;
		p += sizeof(n);
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && !memcmp(p, "GNU", 4) &&
		    n.n_descsz <= BUILD_ID_MAX) {
			memcpy(ret, p + name, n.n_descsz);
			return (int)n.n_descsz;
		}
		p += name + desc;
		len -= sizeof(n) + name + desc;
	}
	return 0;
}

static int segment_find(int fd, uint64_t off, uint64_t size, uint8_t *ret)
{
	uint8_t notes[NOTES_MAX];
	ssize_t n = pread(fd, notes, size < NOTES_MAX ? size : NOTES_MAX, (off_t)off);

	return n <= 0 ? 0 : note_find(notes, (size_t)n, ret);
}

static int find64(int fd, const Elf64_Ehdr *h, uint8_t *ret)
{
	Elf64_Phdr ph[PHDRS_MAX];
	size_t nr = h->e_phnum < PHDRS_MAX ? h->e_phnum : PHDRS_MAX;
	int r = 0;

	if (h->e_phentsize != sizeof(ph[0]) ||
	    pread(fd, ph, nr * sizeof(ph[0]), (off_t)h->e_phoff) != (ssize_t)(nr * sizeof(ph[0])))
		return 0;
	for (size_t i = 0; i < nr && !r; i++)
		if (ph[i].p_type == PT_NOTE)
			r = segment_find(fd, ph[i].p_offset, ph[i].p_filesz, ret);
	return r;
}

static int find32(int fd, const Elf32_Ehdr *h, uint8_t *ret)
{
	Elf32_Phdr ph[PHDRS_MAX];
	size_t nr = h->e_phnum < PHDRS_MAX ? h->e_phnum : PHDRS_MAX;
	int r = 0;

	if (h->e_phentsize != sizeof(ph[0]) ||
	    pread(fd, ph, nr * sizeof(ph[0]), (off_t)h->e_phoff) != (ssize_t)(nr * sizeof(ph[0])))
		return 0;
	for (size_t i = 0; i < nr && !r; i++)
		if (ph[i].p_type == PT_NOTE)
			r = segment_find(fd, ph[i].p_offset, ph[i].p_filesz, ret);
	return r;
}

int build_id_read(int fd, uint8_t ret[BUILD_ID_MAX])
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf64_Ehdr h64;
		Elf32_Ehdr h32;
	} u = { 0 };
	ssize_t n = pread(fd, &u, sizeof(u), 0);

	if (n < 0)
		return errno == EISDIR || errno == EINVAL ? 0 : -errno;
	if (n < (ssize_t)sizeof(u) || memcmp(u.ident, ELFMAG, SELFMAG) != 0)
		return 0;
	return u.ident[EI_CLASS] == ELFCLASS64 ? find64(fd, &u.h64, ret) : find32(fd, &u.h32, ret);
}
