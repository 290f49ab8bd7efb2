// SPDX-License-Identifier: GPL-2.0-only
/* sched_setattr(2) of the calling thread; glibc 2.36 has neither the calls nor the structure. */
#pragma once
#include <stdint.h>

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

void attr_set(const struct attr *wanted);
struct attr attr_get(void);
