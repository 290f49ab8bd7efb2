// SPDX-License-Identifier: GPL-2.0-only
/*
 * fanotify(7): a group with marks on inodes, mounts and whole file systems. fdinfo has all of it,
 * inodes as file handles. Images: images/fsnotify.proto; the image has paths, too. Tests:
 * test/zdtm/static/fanotify*.
 *
 * Marks are set by crtool when all tasks stand ready, the last first: the kernel lists them so.
 *
 * Events that were not read yet are refused, as those of inotify. A mark that asks for permission
 * is refused as well: whoever opens a file there waits for an answer, as long as the tree stands
 * still, and crtool may be one of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/fsnotify.h"
#include "criu/files/handle.h"
#include "criu/files/kinds.h"
#include "criu/kernel/uapi.h"

#define PERMISSIONS (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM | FAN_PRE_ACCESS)

static bool fanotify_match(const struct fd_probe *p)
{
	return str_eq(p->link, "anon_inode:[fanotify]");
}

/* --- dump ----------------------------------------------------------------------- */

static void mark_describe(const struct proc_fanotify *m, char *buf, size_t size)
{
	if (m->kind == PROC_FANOTIFY_MOUNT)
		snprintf(buf, size, "fanotify: a mark on mount %d", m->mnt_id);
	else if (m->kind == PROC_FANOTIFY_SB)
		snprintf(buf, size, "fanotify: a mark on the file system of device %u:%u",
			 (unsigned)(m->sdev >> 20), (unsigned)(m->sdev & 0xfffff));
	else
		snprintf(buf, size, "fanotify: a mark");
}

/* True when it stands in the way. */
static bool mark_blocked(const struct fd_probe *p, const struct proc_fanotify *m)
{
	char name[64], what[64];

	if (!(m->mask & PERMISSIONS))
		return false;
	mark_describe(m, what, sizeof(what));
	blocker("have it removed first (fanotify_mark, FAN_MARK_REMOVE)",
		"%s: %s asks for permission (mask %#llx), which cannot be kept: whoever opens a "
		"file there would wait, crtool too",
		fd_probe_name(p, name, sizeof(name)), what,
		(unsigned long long)(m->mask & PERMISSIONS));
	return true;
}

static int inode_dump(struct dump *d, const struct fd_probe *p, const struct proc_fanotify *m,
		      FanotifyMarkEntry *e)
{
	struct watched inode = { m->ino, m->sdev, m->has_handle ? &m->handle : NULL };

	e->type = MARK_TYPE__INODE;
	e->s_dev = (uint32_t)m->sdev;
	e->ie = arena_message(&d->arena, FanotifyInodeMarkEntry, FANOTIFY_INODE_MARK_ENTRY__INIT);
	e->ie->i_ino = m->ino;
	return watched_dump(d, p, "fanotify: a mark", &inode, &e->ie->f_handle);
}

/* Of a mount, or of all of a file system. */
static int mount_dump(struct dump *d, const struct fd_probe *p, const struct proc_fanotify *m,
		      FanotifyMarkEntry *e)
{
	bool all = m->kind == PROC_FANOTIFY_SB;
	char *path = NULL, name[64], what[64];
	int r = mount_path(d, all ? -1 : m->mnt_id, m->sdev, &path);

	if (!r) {
		mark_describe(m, what, sizeof(what));
		blocker(NULL,
			"%s: %s, which crtool does not see (in another mount namespace, or below "
			"another mount)",
			fd_probe_name(p, name, sizeof(name)), what);
	}
	if (r <= 0)
		return r;
	e->type = MARK_TYPE__MOUNT;
	e->s_dev = (uint32_t)m->sdev;
	if (all) {
		e->filesystem = path;
		return 1;
	}
	e->me = arena_message(&d->arena, FanotifyMountMarkEntry, FANOTIFY_MOUNT_MARK_ENTRY__INIT);
	e->me->mnt_id = (uint32_t)m->mnt_id;
	e->me->path = path;
	return 1;
}

static int mark_dump(struct dump *d, const struct fd_probe *p, const struct proc_fanotify *m,
		     FanotifyFileEntry *f)
{
	FanotifyMarkEntry *e =
	    arena_message(&d->arena, FanotifyMarkEntry, FANOTIFY_MARK_ENTRY__INIT);
	int r;

	if (mark_blocked(p, m))
		return 0;
	e->id = p->id;
	e->mflags = m->mflags;
	e->mask = (uint32_t)m->mask;
	e->ignored_mask = (uint32_t)m->ignored_mask;
	r = m->kind == PROC_FANOTIFY_INODE ? inode_dump(d, p, m, e) : mount_dump(d, p, m, e);
	if (r > 0)
		f->mark[f->n_mark++] = e;
	return r;
}

/* The lines are in the buffer of the dump, which is needed for more. */
static int group_dump(struct dump *d, const struct fd_probe *p, FanotifyFileEntry *e)
{
	size_t max = p->info.nr_fanotify, nr = 0, at = 0;
	cleanup_free struct proc_fanotify *v = mem_alloc((max + 1) * sizeof(*v));
	char name[64];
	int r = 0;

	while (nr < max && (r = proc_fanotify_next(d->buf.data, d->buf.len, &at, &v[nr])) > 0)
		nr++;
	if (r < 0) {
		blocker(NULL, "%s: fanotify: a mark of a sort that cannot be kept yet",
			fd_probe_name(p, name, sizeof(name)));
		return 0;
	}
	e->mark = arena_array(&d->arena, FanotifyMarkEntry *, nr);
	for (size_t i = 0; i < nr && r >= 0; i++) {
		if (v[i].kind == PROC_FANOTIFY_GROUP) {
			e->faflags = v[i].init_flags;
			e->evflags = v[i].event_flags;
		} else {
			r = mark_dump(d, p, &v[i], e);
		}
	}
	return r;
}

static int fanotify_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	FanotifyFileEntry e = FANOTIFY_FILE_ENTRY__INIT;
	FownEntry fown;
	int r = group_dump(d, p, &e);

	if (r >= 0)
		r = fown_dump_probe(p, &fown);
	if (r < 0)
		return r;
	if (events_blocked(p, "fanotify",
			   "try again: it is about to read them; crtool's own go away with images "
			   "on another file system"))
		return 0;
	e.id = p->id;
	e.flags = fd_probe_flags(p);
	e.fown = &fown;
	fe.type = FD_TYPES__FANOTIFY;
	fe.ffy = &e;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore -------------------------------------------------------------------- */

static const char *path_of(const FanotifyMarkEntry *e)
{
	return e->filesystem ? e->filesystem : e->me ? e->me->path : e->ie->f_handle->path;
}

static int mount_check(const char *path)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_TYPE, &st) < 0)
		return fail(errno, "fanotify: a mark on the mount at %s", path);
	if (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT &&
	    !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return fail_hint(fail_plain("fanotify: a mark on the mount at %s, where nothing is "
					    "mounted now",
					    path),
				 "mount it as it was");
	return 0;
}

static int mark_check(const FanotifyMarkEntry *e)
{
	int ret;

	if ((e->type == MARK_TYPE__INODE) != !!e->ie || (!e->ie && !e->me && !e->filesystem))
		return fail_plain("fanotify: a mark of type %d without what it is on", e->type);
	if (e->mask & PERMISSIONS)
		return fail_plain("fanotify: a mark that asks for permission (mask %#x)", e->mask);
	ret = watched_check("fanotify: a mark", path_of(e));
	return ret < 0 || e->ie ? ret : mount_check(path_of(e));
}

static int fanotify_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	(void)r;
	(void)f;
	if (!fe->ffy)
		return fail_plain("has no part of a fanotify group");
	for (size_t i = 0; i < fe->ffy->n_mark; i++) {
		int ret = mark_check(fe->ffy->mark[i]);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int fanotify_open(struct restore *r, struct file *f)
{
	const FanotifyFileEntry *e = f->entry->ffy;
	/* FAN_CLOEXEC would stay among the flags of the group. */
	cleanup_close int fd = fanotify_init(e->faflags, e->evflags);
	int ret;

	(void)r;
	if (fd < 0)
		return fail(errno, "fanotify_init with flags %#x and %#o", e->faflags, e->evflags);
	ret = fail_at(status_restore(fd, e->flags, e->fown), "fanotify");
	return ret < 0 ? ret : take_fd(&fd);
}

static int mark_set(int fd, const FanotifyMarkEntry *e, uint32_t flags, uint32_t mask)
{
	flags |= FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW | (e->mflags & FAN_MARK_EVICTABLE);
	if (e->filesystem)
		flags |= FAN_MARK_FILESYSTEM;
	else if (e->me)
		flags |= FAN_MARK_MOUNT;
	if (fanotify_mark(fd, flags, mask, AT_FDCWD, path_of(e)) == 0)
		return 0;
	return fail(errno, "fanotify: mark %s with flags %#x, mask %#x", path_of(e), flags, mask);
}

static int mark_add(int fd, const FanotifyMarkEntry *e)
{
	uint32_t ignore = e->mflags & FAN_MARK_IGNORE ? FAN_MARK_IGNORE : FAN_MARK_IGNORED_MASK;
	int ret = e->mask ? mark_set(fd, e, 0, e->mask) : 0;

	if (ret >= 0 && e->ignored_mask)
		ret = mark_set(fd, e, ignore | (e->mflags & FAN_MARK_IGNORED_SURV_MODIFY),
			       e->ignored_mask);
	return ret;
}

static int fanotify_arm(struct restore *r, struct file *f, int fd)
{
	const FanotifyFileEntry *e = f->entry->ffy;
	int ret = 0;

	(void)r;
	for (size_t i = e->n_mark; i-- > 0 && ret >= 0;)
		ret = mark_add(fd, e->mark[i]);
	return ret;
}

const struct file_kind fanotify_kind = {
	.name = "fanotify",
	.type = FD_TYPES__FANOTIFY,
	.size = sizeof(struct file),
	.match = fanotify_match,
	.dump = fanotify_dump,
	.load = fanotify_load,
	.open = fanotify_open,
	.arm = fanotify_arm,
};
