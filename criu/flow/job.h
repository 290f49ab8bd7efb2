// SPDX-License-Identifier: GPL-2.0-only
/* restore --shell-job in the foreground: crtool is what the shell sees of the job. */
#pragma once
#include "criu/core/restore.h"

/* Until the root task ends. The exit status to end with. */
int job_wait(struct restore *r);
