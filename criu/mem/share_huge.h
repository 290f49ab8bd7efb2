// SPDX-License-Identifier: GPL-2.0-only
/* Pages that tasks share, read by way of huge pages where that is quick. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise. */
struct huge_reader {
	char *staging;
	bool is_off; /* this machine has no such way, or a slow one */
};

/* len bytes of fd from off on into empty memory at addr, both multiples of a huge page, as far as
 * that goes. Quiet. */
int huge_reader_read(struct huge_reader *h, int fd, uint64_t addr, uint64_t len, uint64_t off,
		     uint64_t *ret_done);
void huge_reader_done(struct huge_reader *h);
