// SPDX-License-Identifier: GPL-2.0-only
/* The functions of a vdso, read from its own ELF headers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vdso_symbol {
	const char *name; /* in the image that was parsed */
	uint64_t offset, size;
};

#define VDSO_SYMBOLS_MAX 64

/* elf: len untrusted bytes, as they are mapped. How many functions, or -EINVAL. Quiet. */
int vdso_symbols(const uint8_t *elf, size_t len, struct vdso_symbol ret[VDSO_SYMBOLS_MAX]);

/* Every function of `was` stands at the same place, with the same size, in `now`. On false
 * *ret_name is the first that does not, NULL when one of them is no ELF file. */
bool vdso_same_entries(const uint8_t *was, const uint8_t *now, size_t len, const char **ret_name);
