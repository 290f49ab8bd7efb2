// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/clock.h"
#include "criu/base/io.h"

#define QUIET_US 1000000u
#define EVERY_US 200000u
#define MIB      1048576.0

void progress_start(struct progress *p, const char *what, uint64_t total)
{
	*p = (struct progress){ .what = what, .total = total, .start_us = clock_us() };
	if (!isatty(STDERR_FILENO))
		p->shown_us = UINT64_MAX;
}

static void show(const struct progress *p, uint64_t done, uint64_t now)
{
	double mib = (double)done / MIB, seconds = (double)(now - p->start_us) / 1e6;
	char line[128], percent[16] = "";
	int len;

	if (p->total)
		snprintf(percent, sizeof(percent), " %3.0f%%",
			 100.0 * (double)done / (double)p->total);
	len = snprintf(line, sizeof(line), "\r%s:%s %.0f MiB, %.0f MiB/s\033[K", p->what, percent,
		       mib, mib / seconds);
	if (len > 0)
		(void)io_write(STDERR_FILENO, line, (size_t)len);
}

static void maybe_show(struct progress *p, uint64_t done)
{
	uint64_t shown = __atomic_load_n(&p->shown_us, __ATOMIC_RELAXED), now;

	if (!p->what || shown == UINT64_MAX)
		return;
	now = clock_us();
	if (now - p->start_us < QUIET_US || now - shown < EVERY_US)
		return;
	/* One of several threads does it. */
	if (__atomic_compare_exchange_n(&p->shown_us, &shown, now, 0, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		show(p, done, now);
}

void progress_add(struct progress *p, uint64_t bytes)
{
	maybe_show(p, __atomic_add_fetch(&p->done, bytes, __ATOMIC_RELAXED));
}

void progress_set(struct progress *p, uint64_t bytes)
{
	__atomic_store_n(&p->done, bytes, __ATOMIC_RELAXED);
	maybe_show(p, bytes);
}

void progress_end(struct progress *p)
{
	static const char clear[] = "\r\033[K";

	if (p->shown_us && p->shown_us != UINT64_MAX)
		(void)io_write(STDERR_FILENO, clear, sizeof(clear) - 1);
	p->what = NULL;
}
