// SPDX-License-Identifier: GPL-2.0-only
/* The end of a restore: crtool traces every thread, gives it its registers, and lets go. */
#pragma once
#include "criu/core/restore.h"

/* They are not stopped by it; but from here on they die with crtool. */
int trace_tasks(struct restore *r);
/* All are parked inside the restorer: stop them, set registers and masks, unmap the hole. */
int registers_set(struct restore *r);
/* From the first of them on, losing crtool means running on, not dying. */
void tasks_outlive(struct restore *r);
/* Not one runs before all could. */
int resume_tasks(struct restore *r);
