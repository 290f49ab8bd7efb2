// SPDX-License-Identifier: GPL-2.0-only
/*
 * inotify(7): watches, each of an inode, with a number and a mask. fdinfo has the inode as a
 * file handle; the image has the path, too. Images: images/fsnotify.proto. Tests:
 * test/zdtm/static/inotify*.
 *
 * Watches are set by crtool when all tasks stand ready, or they would tell of what the restore
 * itself does. Their numbers count up: the next one can be chosen (INOTIFY_IOC_SETNEXTWD).
 *
 * Events that were not read yet can be read, but not put back. They are refused: whoever
 * watches gets to them in a moment.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/fsnotify.h"
#include "criu/files/kinds.h"

#define SET_NEXT_WD _IOW('I', 0, int32_t) /* since Linux 4.16 */

static bool inotify_match(const struct fd_probe *p)
{
	return str_eq(p->link, "anon_inode:inotify") || str_eq(p->link, "anon_inode:[inotify]");
}

static int watch_dump(struct dump *d, const struct fd_probe *p, const struct proc_inotify *from,
		      InotifyWdEntry **ret)
{
	InotifyWdEntry *e = arena_message(&d->arena, InotifyWdEntry, INOTIFY_WD_ENTRY__INIT);
	struct watched inode = { from->ino, from->sdev, from->has_handle ? &from->handle : NULL };
	char what[64];
	int r;

	snprintf(what, sizeof(what), "inotify: watch %u", from->wd);
	r = watched_dump(d, p, what, &inode, &e->f_handle);
	if (r <= 0)
		return r;
	e->id = p->id;
	e->i_ino = from->ino;
	e->mask = from->mask;
	e->ignored_mask = from->ignored_mask;
	e->s_dev = (uint32_t)from->sdev;
	e->wd = from->wd;
	*ret = e;
	return 1;
}

/* The lines are in the buffer of the dump, which is needed for more. */
static int watches_dump(struct dump *d, const struct fd_probe *p, InotifyFileEntry *e)
{
	size_t max = p->info.nr_inotify, nr = 0, at = 0;
	cleanup_free struct proc_inotify *v = mem_alloc((max + 1) * sizeof(*v));

	while (nr < max && proc_inotify_next(d->buf.data, d->buf.len, &at, &v[nr]) > 0)
		nr++;
	e->wd = arena_array(&d->arena, InotifyWdEntry *, nr);
	for (size_t i = 0; i < nr; i++) {
		int r = watch_dump(d, p, &v[i], &e->wd[e->n_wd]);

		if (r < 0)
			return r;
		e->n_wd += (size_t)r;
	}
	return 0;
}

static int inotify_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	InotifyFileEntry e = INOTIFY_FILE_ENTRY__INIT;
	FownEntry fown;
	int r = watches_dump(d, p, &e);

	if (r >= 0)
		r = fown_dump_probe(p, &fown);
	if (r < 0)
		return r;
	if (events_blocked(p, "inotify", "try again: it is about to read them"))
		return 0;
	e.id = p->id;
	e.flags = fd_probe_flags(p);
	e.fown = &fown;
	fe.type = FD_TYPES__INOTIFY;
	fe.ify = &e;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore ------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
	const InotifyWdEntry *const *x = a, *const *y = b;

	return ((*x)->wd > (*y)->wd) - ((*x)->wd < (*y)->wd);
}

static int inotify_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	const InotifyFileEntry *e = fe->ify;

	(void)r;
	(void)f;
	if (!e)
		return fail_plain("has no part of an inotify file");
	qsort(e->wd, e->n_wd, sizeof(*e->wd), by_number);
	for (size_t i = 0; i < e->n_wd; i++) {
		const InotifyWdEntry *w = e->wd[i];
		char what[64];
		int ret;

		if (w->wd == 0 || w->wd > INT32_MAX || (i && e->wd[i - 1]->wd == w->wd))
			return fail_plain("inotify: a watch with number %u", w->wd);
		snprintf(what, sizeof(what), "inotify: watch %u", w->wd);
		ret = watched_check(what, w->f_handle->path);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int inotify_open(struct restore *r, struct file *f)
{
	const InotifyFileEntry *e = f->entry->ify;
	cleanup_close int fd = inotify_init1(IN_CLOEXEC);
	int ret;

	(void)r;
	if (fd < 0)
		return fail(errno, "inotify_init");
	ret = fail_at(status_restore(fd, e->flags, e->fown), "inotify");
	return ret < 0 ? ret : take_fd(&fd);
}

/* Without a way to ask for a number: watches are made and given up until it is that one. */
static int watch_add(int fd, const InotifyWdEntry *w)
{
	const char *path = w->f_handle->path;
	int32_t want = (int32_t)w->wd;
	int wd;

	ioctl(fd, SET_NEXT_WD, &want);
	while ((wd = inotify_add_watch(fd, path, w->mask)) >= 0 && wd < want)
		inotify_rm_watch(fd, wd);
	if (wd < 0)
		return fail(errno, "inotify: watch %s", path);
	if (wd != want)
		return fail_plain("inotify: the watch of %s got number %d instead of %d", path, wd,
				  want);
	return 0;
}

static int inotify_arm(struct restore *r, struct file *f, int fd)
{
	const InotifyFileEntry *e = f->entry->ify;

	(void)r;
	for (size_t i = 0; i < e->n_wd; i++) {
		int ret = watch_add(fd, e->wd[i]);

		if (ret < 0)
			return ret;
	}
	/* Giving up a watch is an event, too. */
	return events_drain(fd, "inotify");
}

const struct file_kind inotify_kind = {
	.name = "inotify",
	.type = FD_TYPES__INOTIFY,
	.size = sizeof(struct file),
	.match = inotify_match,
	.dump = inotify_dump,
	.load = inotify_load,
	.open = inotify_open,
	.arm = inotify_arm,
};
