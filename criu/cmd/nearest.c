// SPDX-License-Identifier: GPL-2.0-only
#include "criu/cmd/nearest.h"

#include <string.h>

#define WORD_MAX 48 /* longer than any name that could be meant */

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edit distance with swaps of neighbours (optimal string alignment). Both below WORD_MAX. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], la = strlen(a), lb = strlen(b);
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= lb; j++)
		before[j] = last[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *reuse = before;

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t change = a[i - 1] != b[j - 1];

			row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min3(row[j], before[j - 2] + 1, row[j]);
		}
		before = last;
		last = row;
		row = reuse;
	}
	return last[lb];
}

void nearest_try(struct nearest *n, const char *name)
{
	size_t len = strlen(n->word), limit = len / 3 ? len / 3 : 1, cost;

	if (len < 2 || len >= WORD_MAX || strlen(name) >= WORD_MAX)
		return;
	cost = distance(n->word, name);
	if (cost > limit || (n->best && cost >= n->cost))
		return;
	n->best = name;
	n->cost = cost;
}
