// SPDX-License-Identifier: GPL-2.0-only
/* Memory in which every record tells whether it is whole, and the last one written. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record {
	uint64_t before; /* number of the write; written first */
	uint64_t body[6];
	uint64_t after; /* a checksum of it all; written last */
};

/* One worker writes to it; what it has written last stands in `last`, in other memory. */
struct record_area {
	const char *name;
	struct record *at;
	size_t nr;
	uint64_t *last; /* 0: never written, and zeros */
};

/* `last` is allocated. The memory is zeros. */
void records_init(struct record_area *a, const char *name, void *at, size_t bytes);
void record_write(struct record_area *a, size_t i, uint64_t number);
/* False: says what is wrong, by test_msg(). */
bool record_is_good(const struct record_area *a, size_t i);
bool records_are_good(const struct record_area *a);
/* They are zeros again. */
void records_forget(struct record_area *a, size_t first, size_t nr);

/* Reproducible numbers. */
uint32_t records_random(uint32_t *state);
