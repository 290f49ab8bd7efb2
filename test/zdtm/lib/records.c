// SPDX-License-Identifier: GPL-2.0-only
#include "records.h"

#include <stdlib.h>
#include <string.h>

#include "zdtmtst.h"

static uint64_t checksum(const struct record *r, size_t i)
{
	uint64_t sum = r->before * 0x9e3779b97f4a7c15ull + i;

	for (size_t k = 0; k < sizeof(r->body) / sizeof(r->body[0]); k++)
		sum = (sum ^ r->body[k]) * 0x100000001b3ull;
	return sum;
}

void records_init(struct record_area *a, const char *name, void *at, size_t bytes)
{
	a->name = name;
	a->at = at;
	a->nr = bytes / sizeof(struct record);
	a->last = calloc(a->nr, sizeof(*a->last));
	expect(a->last, "no memory for what %s has to hold", name);
}

void record_write(struct record_area *a, size_t i, uint64_t number)
{
	struct record *r = &a->at[i];

	r->before = number;
	for (size_t k = 0; k < sizeof(r->body) / sizeof(r->body[0]); k++)
		r->body[k] = number * (k + 3) + i;
	r->after = checksum(r, i);
	a->last[i] = number;
}

bool record_is_good(const struct record_area *a, size_t i)
{
	static const struct record zero;
	const struct record *r = &a->at[i];

	if (!a->last[i] && !memcmp(r, &zero, sizeof(zero)))
		return true;
	if (a->last[i] && r->before == a->last[i] && r->after == checksum(r, i))
		return true;
	test_msg("%s: record %zu at %p: number %llu instead of %llu, checksum %s\n", a->name, i,
		 (const void *)r, (unsigned long long)r->before, (unsigned long long)a->last[i],
		 r->after == checksum(r, i) ? "right" : "wrong");
	return false;
}

bool records_are_good(const struct record_area *a)
{
	bool good = true;

	for (size_t i = 0; i < a->nr && good; i++)
		good = record_is_good(a, i);
	return good;
}

void records_forget(struct record_area *a, size_t first, size_t nr)
{
	memset(a->last + first, 0, nr * sizeof(*a->last));
}

uint32_t records_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}
