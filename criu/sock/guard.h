// SPDX-License-Identifier: GPL-2.0-only
/* Who lets go of connections when crtool is killed in the middle of a dump. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "criu/core/options.h"

struct tcp_guard;

/* A process with the descriptors of crtool, which does nothing as long as crtool lives; for as many
 * as nr connections. Called by crtool's main thread. Speaks. */
int tcp_guard_start(enum network_lock method, const char *run_id, size_t nr,
		    struct tcp_guard **ret);
void tcp_guard_add(struct tcp_guard *g, int fd, bool reuseaddr);
/* Before it is done: this connection will be in repair mode; no longer; a lock will be made. The
 * first two each for a worker of parallel_for(). */
void tcp_guard_reads(struct tcp_guard *g, unsigned int worker, int fd, bool reuseaddr);
void tcp_guard_has_read(struct tcp_guard *g, unsigned int worker);
void tcp_guard_lock(struct tcp_guard *g);
/* From here on connections go with their process `root`, if that is killed. */
void tcp_guard_give_up(struct tcp_guard *g, pid_t root);
/* Of a restore. If crtool ends, all of them are closed without a word; from here on they live, and
 * the lock goes. */
void tcp_guard_hold(struct tcp_guard *g);
void tcp_guard_lives(struct tcp_guard *g);
/* Not needed any more: NULL is fine. */
void tcp_guard_end(struct tcp_guard *g);
