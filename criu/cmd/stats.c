// SPDX-License-Identifier: GPL-2.0-only
#include "criu/cmd/stats.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/session.h"

#define PAGE_KIB 4.0 /* the counters are in small pages */

static void print_time(const char *what, uint64_t us)
{
	printf("  %-24s ", what);
	if (us < 1000)
		printf("%9" PRIu64 " us\n", us);
	else if (us < 1000000)
		printf("%9.2f ms\n", (double)us / 1e3);
	else
		printf("%9.2f s\n", (double)us / 1e6);
}

static void print_pages(const char *what, uint64_t pages)
{
	static const char *const unit[] = { "KiB", "MiB", "GiB", "TiB" };
	double size = (double)pages * PAGE_KIB;
	size_t u = 0;

	for (; size >= 1024 && u + 1 < ARRAY_SIZE(unit); u++)
		size /= 1024;
	printf("  %-24s %9" PRIu64 " (%.*f %s)\n", what, pages, u ? 1 : 0, size, unit[u]);
}

void stats_print(const struct session *s, const char *cmd)
{
	const struct stats *st = &s->stats;

	printf("Statistics of the %s:\n", cmd);
	if (!str_eq(cmd, "restore")) {
		print_time("time to freeze", st->freezing_us);
		print_time("time frozen", st->frozen_us);
		print_time("memory taken in", st->memdump_us);
		print_time("memory written in", st->memwrite_us);
		print_pages("pages looked at", st->pages_scanned);
		print_pages("pages in the parent", st->pages_in_parent);
		print_pages("pages written", st->pages_written);
		print_pages("shared pages looked at", st->shpages_scanned);
		print_pages("shared pages written", st->shpages_written);
	} else {
		print_time("time to fork", st->forking_us);
		print_time("time to restore", st->restore_us);
		print_pages("pages restored", st->pages_restored);
	}
}
