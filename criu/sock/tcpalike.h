// SPDX-License-Identifier: GPL-2.0-only
/* Options of many connections: of those that are alike only one is asked. */
#pragma once
#include "criu/core/dump.h"
#include "criu/sock/inet.h"

/* Fills in s->like of all that were seen. Where there are few, or the kernel does not show it,
 * nobody is like another. */
void connections_compare(struct dump *d);

/* dump: s->e with the options of s->like->e, for one of the threads that read. Speaks. */
int connection_dump_like(struct arena *a, const struct tcp_seen *s);
/* Has s, which was asked, what connection_dump_like() would have given it? */
bool connection_is_like(const struct tcp_seen *s);
