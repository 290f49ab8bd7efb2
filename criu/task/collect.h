// SPDX-License-Identifier: GPL-2.0-only
/* What /proc and ptrace show of the stopped tasks. */
#pragma once
#include "criu/core/dump.h"

/* What has to be known of crtool and the machine, before anybody stands still. */
int collect_prepare(struct dump *d);
/* Frees what that took. */
void collect_done(struct dump *d);
/* Reads every task; what stands in the way of a dump is recorded as blockers. */
int collect_tasks(struct dump *d);
