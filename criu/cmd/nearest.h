// SPDX-License-Identifier: GPL-2.0-only
/* "Did you mean": the name that is closest to a misspelt one. */
#pragma once
#include <stddef.h>

struct nearest {
	const char *word;
	const char *best; /* NULL while nothing was close */
	size_t cost; /* of best, in letters added, dropped, changed or swapped */
};

void nearest_try(struct nearest *n, const char *name);
