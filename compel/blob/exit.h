// SPDX-License-Identifier: GPL-2.0-only
/* The end of a one-shot blob: stop for the tracer, or go home without one. */
#pragma once
#include "compel/blob/abi.h"

void blob_exit(struct blob_exit *x) __attribute__((noreturn));
/* Where a thread goes that is let go while another is inside: as soon as that one has set done. */
void blob_leave(struct blob_exit *x) __attribute__((noreturn, used));
