// SPDX-License-Identifier: GPL-2.0-only
/* Who else has a file open. */
#pragma once
#include <stdbool.h>
#include <sys/stat.h>

#include "criu/core/dump.h"

/*
 * A process outside of the tree that has the inode open; 0: none. A look at all processes, so only
 * for what is rare. may_be: whether a link of /proc/PID/fd may lead there at all.
 */
pid_t holder_outside(const struct dump *d, const struct stat *st,
		     bool (*may_be)(const char *link, const void *ctx), const void *ctx);

struct holder_query {
	bool (*may_be)(const char *link, const void *ctx);
	/* pid has this inode open. True: that is enough. */
	bool (*found)(pid_t pid, const struct stat *st, void *ctx);
	void *ctx;
};

/* One look for several files. */
void holders_outside(const struct dump *d, const struct holder_query *q);
