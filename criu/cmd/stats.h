// SPDX-License-Identifier: GPL-2.0-only
/* --display-stats */
#pragma once

struct session;

/* On standard output; cmd is "dump" or "restore". */
void stats_print(const struct session *s, const char *cmd);
