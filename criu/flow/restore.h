// SPDX-License-Identifier: GPL-2.0-only
/* crtool restore. */
#pragma once
#include "criu/core/session.h"

/*
 * 0, or negative with an error recorded and nothing left behind. Without --restore-detached
 * it returns when the root task has ended, and *ret_status is the exit status to end with:
 * its own, or 128 and the signal.
 */
int restore_run(struct session *s, int *ret_status);
