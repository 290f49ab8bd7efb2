// SPDX-License-Identifier: GPL-2.0-only
/* The end of a one-shot blob: stop for the tracer, or go home without one. */
#pragma once
#include "compel/blob/abi.h"

void blob_exit(struct blob_exit *x) __attribute__((noreturn));
/* Where a thread goes that is let go while others are inside: as soon as all of them are out. */
void blob_leave(struct blob_wait *w) __attribute__((noreturn, used));
