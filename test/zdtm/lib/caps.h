// SPDX-License-Identifier: GPL-2.0-only
/* Capability sets as 64-bit masks. */
#pragma once

#include <stdint.h>

struct caps {
	uint64_t effective, permitted, inheritable;
};

void caps_get(struct caps *caps);
void caps_set(const struct caps *caps);
