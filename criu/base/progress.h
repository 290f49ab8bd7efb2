// SPDX-License-Identifier: GPL-2.0-only
/* One line on a terminal while long work goes on: what, how much, how fast. */
#pragma once
#include <stdint.h>

struct progress {
	const char *what; /* "memory written"; NULL between start and end of others */
	uint64_t total, done; /* bytes; total 0: not known */
	uint64_t start_us, shown_us;
};

/* Nothing is shown in the first second, nor where stderr is not a terminal. */
void progress_start(struct progress *p, const char *what, uint64_t total);
/* From any thread. */
void progress_add(struct progress *p, uint64_t bytes);
void progress_set(struct progress *p, uint64_t bytes);
/* Takes the line away again. */
void progress_end(struct progress *p);
