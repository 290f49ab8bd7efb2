// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of work of a pre-dump, and nothing else.
 *
 * The tree stands still only while its pages are listed and marked. It runs on while they are
 * written: what it changes meanwhile has lost its mark, and is written again by the next dump,
 * whatever has been read here. So a pre-dump on its own is nothing that can be restored.
 */
#include "criu/flow/predump.h"

#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/flow/dump_steps.h"
#include "criu/flow/gc.h"
#include "criu/flow/stats.h"
#include "criu/flow/step.h"
#include "criu/image/dir.h"
#include "criu/mem/dirty.h"
#include "criu/mem/drain.h"
#include "criu/task/ask.h"
#include "criu/task/collect.h"
#include "criu/task/freeze.h"
#include "criu/task/waiting.h"

/* What is in the way of a visitor is in the way of a dump. */
static int read_tasks(void *ctx)
{
	int r = collect_tasks(ctx);

	if (r >= 0)
		r = blockers_fail();
	return r < 0 ? r : dirty_tasks(ctx);
}

static int mark_pages(void *ctx)
{
	int r = ask_tasks(ctx);

	if (r >= 0)
		r = drain_scan(ctx);
	return r < 0 ? r : dirty_arm(ctx);
}

static int let_go(void *ctx)
{
	struct dump *d = ctx;

	waiting_note(d);
	thaw_tree(d);
	d->s->stats.frozen_us = clock_us() - d->frozen_at_us;
	return 0;
}

static int write_memory(void *ctx)
{
	return drain_tasks(ctx);
}

static int write_stats(void *ctx)
{
	struct dump *d = ctx;

	return stats_write_dump(d->s);
}

static int finish(void *ctx)
{
	struct dump *d = ctx;
	int r = image_dir_commit(d->s->images);

	if (r < 0)
		return r;
	gc_replaced(d->replaced);
	dirty_stay(d);
	dump_dedup(d);
	return 0;
}

static const struct step steps[] = {
	{ "check tree", dump_check_root, NULL, false },
	{ "open images", dump_open_images, dump_forget_images, false },
	{ "freeze tasks", dump_freeze, dump_thaw, false },
	{ "read tasks", read_tasks, NULL, false },
	{ "mark pages", mark_pages, NULL, false },
	{ "let go", let_go, NULL, false },
	{ "write memory", write_memory, NULL, false },
	{ "write inventory", dump_write_inventory, NULL, false },
	{ "write stats", write_stats, NULL, false },
	{ "finish", finish, NULL, true },
};

const struct command predump_command = { "pre-dump", steps, ARRAY_SIZE(steps) };

int predump_run(struct session *s)
{
	struct dump d = { .s = s, .next_pages_id = 1, .memory_only = true };
	int r;

	ident_set_init(&d.files, &d.next_file_id);
	r = steps_run(s, &predump_command, &d);
	dump_done(&d);
	return r;
}
