// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of work of a dump, and nothing else.
 *
 * Nothing is changed until the last step: what a task is asked from inside is asked by a
 * visitor that has left before the next step begins. So an undo is to forget the images
 * and to let go, and whoever kills crtool lets go, too.
 */
#include "criu/flow/dump.h"

#include <stdlib.h>
#include <string.h>

#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/core/dump.h"
#include "criu/files/linkremap.h"
#include "criu/files/lock.h"
#include "criu/files/pipedata.h"
#include "criu/files/table.h"
#include "criu/files/tty.h"
#include "criu/flow/dump_steps.h"
#include "criu/flow/gc.h"
#include "criu/flow/stats.h"
#include "criu/flow/step.h"
#include "criu/image/writer.h"
#include "criu/mem/ahead.h"
#include "criu/mem/dedup.h"
#include "criu/mem/dirty.h"
#include "criu/mem/drain.h"
#include "criu/mem/place.h"
#include "criu/mem/shmem.h"
#include "criu/sock/inet.h"
#include "criu/sock/unix.h"
#include "criu/task/ask.h"
#include "criu/task/calls.h"
#include "criu/task/collect.h"
#include "criu/task/core.h"
#include "criu/task/freeze.h"
#include "criu/task/seccomp.h"
#include "criu/task/timers.h"
#include "criu/task/waiting.h"
#include "images/inventory.pb-c.h"

int dump_open_images(void *ctx)
{
	struct dump *d = ctx;
	int r = gc_before_dump(d->s->opts->images_dir, &d->replaced);

	if (r >= 0)
		r = image_dir_create(d->s->opts->images_dir, &d->s->images);
	if (r >= 0)
		r = dirty_prepare(d);
	return r;
}

void dump_forget_images(void *ctx)
{
	struct dump *d = ctx;

	d->s->images = image_dir_free(d->s->images);
}

int dump_check_root(void *ctx)
{
	int r = freeze_check_root(ctx);

	return r < 0 ? r : collect_prepare(ctx);
}

/* What has changed since the dump that this one builds upon; and room for what still will. */
static int copy_ahead(void *ctx)
{
	struct dump *d = ctx;
	struct ahead x;
	int r = ahead_open(&x, d);

	if (r > 0) {
		r = ahead_mark(&x);
		if (r >= 0)
			r = calls_end(d, &x.d.tree);
		if (r >= 0)
			r = ahead_write(&x, !r);
		if (r >= 0)
			r = dump_write_inventory(&x.d);
		if (r >= 0)
			r = ahead_commit(&x);
	}
	ahead_done(&x);
	if (r >= 0)
		places_make(d);
	return r;
}

int dump_freeze(void *ctx)
{
	return freeze_tree(ctx);
}

void dump_thaw(void *ctx)
{
	session_timeout(0);
	thaw_tree(ctx);
}

static int read_tasks(void *ctx)
{
	int r = collect_tasks(ctx);

	if (r >= 0)
		r = dirty_tasks(ctx);
	return r < 0 ? r : ids_dump(ctx);
}

static int ask(void *ctx)
{
	uint64_t start = clock_us();
	int r = ask_tasks(ctx);

	return r < 0 ? r : timers_settle(ctx, start);
}

static int dump_files(void *ctx)
{
	int r = tables_dump(ctx);

	return r < 0 ? r : fs_dump(ctx);
}

static void release_connections(void *ctx)
{
	tcp_release(ctx);
}

/* The last of the steps that find blockers. */
static int dump_mappings(void *ctx)
{
	int r = mappings_dump(ctx);

	if (r >= 0)
		r = blockers_fail();
	return r < 0 ? r : files_finish(ctx);
}

static void forget_links(void *ctx)
{
	link_remaps_undo(ctx);
}

static int dump_memory(void *ctx)
{
	int r = drain_tasks(ctx);

	return r < 0 ? r : dirty_arm(ctx);
}

static int dump_cores(void *ctx)
{
	return core_dump(ctx);
}

int dump_write_inventory(void *ctx)
{
	struct dump *d = ctx;
	InventoryEntry e = INVENTORY_ENTRY__INIT;
	TaskKobjIdsEntry ids = TASK_KOBJ_IDS_ENTRY__INIT;
	ids.vm_id = ids.files_id = ids.fs_id = ids.sighand_id = 1;
	ids_fill_namespaces(&ids);
	e.img_version = d->has_same_pages ? IMAGE_VERSION_SAME_PAGES : IMAGE_VERSION;
	e.has_fdinfo_per_id = e.fdinfo_per_id = true;
	e.has_ns_per_id = e.ns_per_id = true;
	e.root_ids = &ids;
	e.has_root_cg_set = true;
	e.root_cg_set = 1;
	e.has_lsmtype = true;
	e.lsmtype = LSMTYPE__NO_LSM;
	e.dump_criu_run_id = d->s->run_id;
	e.has_tcp_close = e.tcp_close = d->s->opts->tcp_close && !d->s->opts->tcp_established;
	e.has_network_lock_method = d->inet && d->inet->nr_seen;
	e.network_lock_method = (uint32_t)d->s->opts->network_lock;
	dirty_inventory(d, &e);
	return image_put(d->s->images, IMAGE_INVENTORY, 0, &e.base);
}

/* With -R: all that has to be of one moment has been taken. */
static int let_run(void *ctx)
{
	struct dump *d = ctx;
	int r;

	if (d->s->opts->end != END_RUNNING)
		return 0;
	r = tcp_release(d);
	if (r < 0)
		return r;
	if (dirty_tracks(d))
		waiting_note(d);
	thaw_tree(d);
	d->s->stats.frozen_us = clock_us() - d->frozen_at_us;
	return 0;
}

static int dump_copies(void *ctx)
{
	return drain_later(ctx);
}

static int write_stats(void *ctx)
{
	struct dump *d = ctx;

	if (d->s->opts->end != END_RUNNING)
		d->s->stats.frozen_us = clock_us() - d->frozen_at_us;
	return stats_write_dump(d->s);
}

/* Now that the dump is complete, what it does not need of its parents can go. */
void dump_dedup(struct dump *d)
{
	const struct options *o = d->s->opts;

	if (o->auto_dedup && o->prev_images_dir && dedup_run(o->images_dir, DEDUP_PARENTS) < 0)
		log_warn("the dump is complete, but earlier ones have kept all their pages");
}

/* The images become the dump, and only then the tree is given up. */
static int finish(void *ctx)
{
	struct dump *d = ctx;
	bool kill = d->s->opts->end == END_KILL;
	int released = 0, r = image_dir_commit(d->s->images);

	if (r < 0) {
		tcp_release(d);
		link_remaps_undo(d);
		return r;
	}
	gc_replaced(d->replaced);
	dirty_leave(d);
	dirty_stay(d);
	if (kill)
		tcp_give_up(d);
	else
		released = tcp_release(d);
	r = release_tree(d);
	if (kill && r < 0)
		tcp_release(d);
	dump_dedup(d);
	return r < 0 ? r : released;
}

static const struct step steps[] = {
	{ "check tree", dump_check_root, NULL, false },
	{ "open images", dump_open_images, dump_forget_images, false },
	{ "copy ahead", copy_ahead, NULL, false },
	{ "freeze tasks", dump_freeze, dump_thaw, false },
	{ "read tasks", read_tasks, NULL, false },
	{ "ask tasks", ask, NULL, false },
	{ "dump files", dump_files, release_connections, false },
	{ "dump mappings", dump_mappings, forget_links, false },
	{ "dump memory", dump_memory, NULL, false },
	{ "dump cores", dump_cores, NULL, false },
	{ "let go", let_run, NULL, false },
	{ "dump copies", dump_copies, NULL, false },
	{ "write inventory", dump_write_inventory, NULL, false },
	{ "write stats", write_stats, NULL, false },
	{ "finish", finish, NULL, true },
};

const struct command dump_command = { "dump", steps, ARRAY_SIZE(steps) };

/* --- crtool check -t -------------------------------------------------------------- */

static int open_nowhere(void *ctx)
{
	struct dump *d = ctx;
	int r = image_dir_nowhere(&d->s->images);

	return r < 0 ? r : dirty_prepare(d);
}

static int try_mappings(void *ctx)
{
	int r = mappings_dump(ctx);

	return r < 0 ? r : blockers_fail();
}

static int let_go(void *ctx)
{
	dump_thaw(ctx);
	return 0;
}

static const struct step try_steps[] = {
	{ "check tree", dump_check_root, NULL, false },
	{ "open images", open_nowhere, dump_forget_images, false },
	{ "freeze tasks", dump_freeze, dump_thaw, false },
	{ "read tasks", read_tasks, NULL, false },
	{ "ask tasks", ask, NULL, false },
	{ "dump files", dump_files, NULL, false },
	{ "dump mappings", try_mappings, NULL, false },
	{ "let go", let_go, NULL, true },
};

static const struct command try_command = { "check", try_steps, ARRAY_SIZE(try_steps) };

void dump_done(struct dump *d)
{
	dirty_done(d);
	drain_done(d);
	image_writer_free(d->files_img);
	image_writer_free(d->remap_img);
	image_writer_free(d->pipes_data_img);
	image_writer_free(d->fifo_data_img);
	ttys_dump_done(d);
	image_writer_free(d->sk_queues_img);
	image_writer_free(d->bpfmap_img);
	unix_dump_done(d);
	flights_done(d);
	image_writer_free(d->sysv_img);
	pipe_room_done(d->pipe_room);
	link_remaps_done(d);
	locks_dump_done(d);
	tree_done(&d->tree);
	seccomp_done(d);
	ident_set_done(&d->files);
	collect_done(d);
	proc_buf_done(&d->buf);
	map_done(&d->pipes);
	map_done(&d->known);
	map_done(&d->fifos);
	map_done(&d->bpf_maps);
	map_done(&d->mapped_sockets);
	map_done(&d->secretmems);
	map_done(&d->memfds);
	map_done(&d->mqueues);
	map_done(&d->late_files);
	shmem_dump_done(d);
	inet_dump_done(d);
	left_list_free(d->replaced);
	free(d->types);
	free(d->lags);
	free(d->mapped);
	free(d->waits_before);
	free(d->waits);
	free(d->shmems);
	arena_done(&d->arena);
	d->s->images = image_dir_free(d->s->images);
}

static int dump_steps(struct session *s, const struct command *c)
{
	struct dump d = {
		.s = s, .trial = c == &try_command, .map_file = mapped_file_dump, .next_pages_id = 1
	};
	int r;

	ident_set_init(&d.files, &d.next_file_id);
	r = steps_run(s, c, &d);
	dump_done(&d);
	return r;
}

int dump_run(struct session *s)
{
	return dump_steps(s, &dump_command);
}

int dump_try(struct session *s)
{
	return dump_steps(s, &try_command);
}
