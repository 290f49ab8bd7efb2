// SPDX-License-Identifier: GPL-2.0-only
/* One run of one command: first argument of every speaking function. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "criu/base/progress.h"
#include "criu/core/options.h"

struct image_dir;

/* Microseconds and pages, for stats-dump and stats-restore. */
struct stats {
	uint64_t freezing_us, frozen_us, memdump_us, memwrite_us;
	uint64_t pages_scanned, pages_written, shpages_scanned, shpages_written;
	uint64_t pages_in_parent;
	uint64_t forking_us, restore_us;
	uint64_t pages_restored;
};

struct session {
	const struct options *opts;
	struct image_dir *images; /* owned by the step that opened it */
	int work_fd; /* O_PATH directory for log, stats, pidfile */
	struct stats stats;
	struct progress progress; /* of the long work that goes on now */
	char run_id[37]; /* a UUID: who left what on this host */
};

/* A signal asked this run to end, or the freeze took too long: 0, or the error. Checked
 * wherever the run waits, and between steps. */
int session_interrupted(const struct session *s);
/* From now on; 0: no limit any more. Whoever waits sees EINTR a few times a second, too. */
void session_timeout(unsigned int seconds);
/* Arm the handlers that session_interrupted() looks at. */
void session_signals(void);
