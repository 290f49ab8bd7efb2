// SPDX-License-Identifier: GPL-2.0-only
/* Page contents, from the images to their places. The kernel's -errno on failure. */
#pragma once
#include "criu/pie/restorer/run.h"

/* OP_READ. */
long read_all(struct stage_area *area, const struct op *op);
/* OP_READ_LARGE. */
long read_large(const struct run *r, struct large_read *l);
