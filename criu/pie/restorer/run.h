// SPDX-License-Identifier: GPL-2.0-only
/* A thread of a task that is being restored, and what it has to do. */
#pragma once
#include "criu/pie/abi/program.h"

struct run {
	struct stage_area *area;
	const struct op *ops;
	int32_t pid, tid;
	uint8_t *is_there; /* of one that was forked here; NULL */
};
