// SPDX-License-Identifier: GPL-2.0-only
/* stats-dump and stats-restore in the work directory. */
#pragma once
#include "criu/core/session.h"

int stats_write_dump(struct session *s);
int stats_write_restore(struct session *s);
