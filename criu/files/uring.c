// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring(7): two rings that a process shares with the kernel. What is kept is a quiet one, none
 * of whose requests is under way: what was not submitted yet and what was not reaped yet stands in
 * memory. All else that there is to a ring is read from the kernel (uring_find.c). Images:
 * images/uring.proto. Tests: test/zdtm/static/io_uring*.
 *
 * On the way back the process that has made it makes it, before any file is opened, and has it
 * count to where it was (uring_ring.c); whoever else has it takes it from there. Mappings of it
 * come with the others (mem/uring.c).
 */
#include "criu/files/uring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/files/fown.h"
#include "criu/files/holder.h"
#include "criu/files/kinds.h"
#include "criu/files/uring_ring.h"
#include "criu/mem/uring.h"

static const char link_text[] = "anon_inode:[io_uring]";

static bool uring_match(const struct fd_probe *p)
{
	return str_eq(p->link, link_text);
}

static bool may_be(const char *link, const void *ctx)
{
	(void)ctx;
	return str_eq(link, link_text);
}

static bool is_found(pid_t pid, const struct stat *st, void *ctx)
{
	for (struct uring *u = ctx; u; u = u->next)
		if (u->dev == st->st_dev && u->ino == st->st_ino)
			u->outsider = pid;
	return false;
}

static int uring_dump(struct dump *d, const struct fd_probe *p)
{
	struct uring *u = arena_alloc(&d->arena, sizeof(*u));
	char name[64];

	u->dev = p->st.st_dev;
	u->ino = p->st.st_ino;
	u->e = arena_message(&d->arena, UringEntry, URING_ENTRY__INIT);
	u->e->flags = fd_probe_flags(p);
	u->id = p->id;
	u->holder = tree_find(&d->tree, p->to ? p->to->pid : p->task->pid);
	u->name = arena_strdup(&d->arena, fd_probe_name(p, name, sizeof(name)));
	u->next = d->urings;
	d->urings = u;
	u->fd = fcntl(p->lfd, F_DUPFD_CLOEXEC, 0);
	return u->fd < 0 ? fail(errno, "dup") : 0;
}

/* One that is alike tells where things stand in it. */
static int contents_read(struct dump *d, struct uring *u)
{
	uint32_t alike = u->e->setup_flags & ~(uint32_t)IORING_SETUP_R_DISABLED;
	struct io_uring_params p;
	struct uring_map m;
	int twin = uring_make(u->e, alike, &p), r;

	if (twin < 0)
		return fail(-twin, "io_uring_setup of one that is alike");
	close(twin);
	r = uring_map(u->fd, &p, &m);
	if (r < 0)
		return fail(-r, "map it");
	uring_contents_take(&d->arena, &m, u->e);
	uring_unmap(&m);
	return 0;
}

static bool positions_block(const struct uring *u)
{
	const UringEntry *e = u->e;

	if (e->sq_tail - e->sq_head > e->sq_entries || e->cq_tail - e->cq_head > e->cq_entries)
		blocker(NULL, "%s: an io_uring whose process has written nonsense to its positions",
			u->name);
	else if (uring_steps(e) > URING_STEPS_MAX)
		blocker(
		    "a new ring would begin at 0 again",
		    "%s: an io_uring that has taken %u requests and given %u results: a restore "
		    "would have to make as many",
		    u->name, e->sq_head, e->cq_tail);
	else
		return false;
	return true;
}

static int uring_write(struct dump *d, struct uring *u)
{
	FileEntry fe = FILE_ENTRY__INIT;
	ExtFileEntry ext = EXT_FILE_ENTRY__INIT;
	FownEntry fown;
	int r = u->blocked ? 0 : contents_read(d, u);

	if (r < 0 || u->blocked || positions_block(u))
		return r;
	if (uring_steps(u->e) > URING_STEPS_MANY)
		log_warn("%s: an io_uring that has taken %u requests and given %u results: the "
			 "restore takes seconds to make as many",
			 u->name, u->e->sq_head, u->e->cq_tail);
	r = fown_dump(u->fd, &fown);
	if (r < 0)
		return r;
	ext.id = u->id;
	ext.fown = &fown;
	ext.uring = u->e;
	fe.type = FD_TYPES__EXT;
	fe.ext = &ext;
	return dump_file_write(d, u->id, &fe);
}

static int uring_dump_end(struct dump *d)
{
	const struct holder_query others = { may_be, is_found, d->urings };
	int r = 0;

	if (d->urings) {
		holders_outside(d, &others);
		r = urings_find(d, d->urings);
	}
	for (struct uring *u = d->urings; u; u = u->next) {
		if (r >= 0)
			r = fail_at(uring_write(d, u), "%s", u->name);
		close(u->fd);
	}
	return r;
}

uint32_t uring_mapped(const struct dump *d, const struct proc_vma *v)
{
	for (const struct uring *u = d->urings; u; u = u->next)
		if (u->ino == v->ino)
			return u->id;
	return 0;
}

/* --- restore ------------------------------------------------------------------ */

static bool uring_reads(const FileEntry *fe)
{
	return fe->ext && fe->ext->uring;
}

static const UringEntry *entry_of(const struct uring_file *u)
{
	return u->file.entry->ext->uring;
}

static int uring_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	struct uring_file *u = file_to(struct uring_file, f);
	const UringEntry *e = fe->ext->uring;
	const struct task *maker = tree_find(&r->tree, (pid_t)e->pid);
	int ret = uring_check(e);

	if (ret >= 0)
		ret = uring_tables_check(e);
	if (ret < 0)
		return ret;
	if (!maker || !task_is_alive(maker))
		return fail_plain("an io_uring of pid %u, which is not in the images", e->pid);
	r->make_rounds |= 1;
	u->next = r->urings;
	r->urings = u;
	u->slot = restore_add_broker(r);
	return u->slot < 0 ? u->slot : 0;
}

static int contents_make(const UringEntry *e, int fd, const struct io_uring_params *p)
{
	struct uring_map m;
	int ret = uring_map(fd, p, &m);

	if (ret < 0)
		return fail(-ret, "io_uring: map it");
	ret = uring_advance(fd, &m, e);
	if (ret < 0)
		ret = fail(-ret, "io_uring: requests that do nothing, to %u and %u", e->sq_head,
			   e->cq_tail);
	else
		uring_contents_put(&m, e);
	uring_unmap(&m);
	return ret;
}

static int settings_make(const UringEntry *e, int fd)
{
	uint32_t clock[4] = { e->clock }, workers[URING_WORKERS] = { 0 };
	int ret = e->has_clock ? uring_register(fd, IORING_REGISTER_CLOCK, clock, 0) : 0;

	if (ret < 0)
		return fail(-ret, "IORING_REGISTER_CLOCK %u", e->clock);
	if (!e->n_workers)
		return 0;
	memcpy(workers, e->workers, sizeof(workers)); /* the kernel writes to it */
	ret = uring_register(fd, IORING_REGISTER_IOWQ_MAX_WORKERS, workers, URING_WORKERS);
	return ret < 0 ? fail(-ret, "IORING_REGISTER_IOWQ_MAX_WORKERS %u, %u", e->workers[0],
			      e->workers[1])
		       : 0;
}

/* In the process that it is of. */
static int one_make(struct restore *r, struct uring_file *u)
{
	const UringEntry *e = entry_of(u);
	struct io_uring_params p;
	int fd = uring_make(e, e->setup_flags, &p), ret;

	if (fd == -EPERM)
		return fail_hint(fail(EPERM, "io_uring_setup"),
				 "look at /proc/sys/kernel/io_uring_disabled");
	fd = fd < 0 ? fail(-fd, "io_uring_setup, flags %#x", e->setup_flags) : service_fd(r, fd);
	if (fd < 0)
		return fd;
	u->fd = fd;
	broker_give_from(r, u->slot, fd, getpid());
	ret = contents_make(e, fd, &p);
	return ret < 0 ? ret : settings_make(e, fd);
}

static int uring_make_all(struct restore *r, const struct task *t, unsigned int round)
{
	for (struct uring_file *u = r->urings; u && !round; u = u->next) {
		int ret = (pid_t)entry_of(u)->pid == t->pid ? one_make(r, u) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int uring_open(struct restore *r, struct file *f)
{
	const ExtFileEntry *e = f->entry->ext;
	cleanup_close int fd = broker_take(r, file_to(struct uring_file, f)->slot);
	int ret = fd < 0 ? fd : status_restore(fd, e->uring->flags, e->fown);

	return ret < 0 ? ret : take_fd(&fd);
}

const struct file_kind uring_kind = {
	.name = "io_uring",
	.type = FD_TYPES__EXT,
	.size = sizeof(struct uring_file),
	.match = uring_match,
	.dump = uring_dump,
	.dump_end = uring_dump_end,
	.reads = uring_reads,
	.load = uring_load,
	.make = uring_make_all,
	.open = uring_open,
};
