// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file that was deleted under one name while it has another: what the other name is nobody
 * tells, and the contents are not ours to copy, for they belong to that name as well. So the dump
 * makes one more name for it, beside the one that it had, and the restore opens it by that and
 * takes it away. `crtool gc` removes it when the restore does not come. Images:
 * images/ghost.proto. Tests: test/zdtm/static/link_remap*, test/errors/cases/links.py.
 */
#include "criu/files/linkremap.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/left.h"
#include "criu/files/ghost.h"
#include "criu/files/lostdir.h"
#include "criu/files/reg.h"
#include "criu/image/writer.h"

#define NAME_OF_OURS ".crtool-link."
#define NAME_OF_CRIU "link_remap."

static const char deleted_suffix[] = " (deleted)";

struct link_seen {
	struct link_seen *next;
	dev_t dev;
	ino_t ino;
	uint32_t id; /* of the regular file that the new name is */
	int fd; /* ours */
	char *name;
	bool made;
};

/* Not what is in no directory at all, as memory of memfd_secret(2). */
bool link_remap_is(const char *path, const struct stat *st)
{
	cleanup_close int dir = -1;
	struct stat its;

	if (!S_ISREG(st->st_mode) || !st->st_nlink || !str_ends(path, deleted_suffix) ||
	    reg_path_check(path, st) >= 0)
		return false;
	dir = lost_dir_above(path);
	return dir >= 0 && fstat(dir, &its) == 0 && its.st_dev == st->st_dev;
}

bool link_remap_is_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;

	return path[0] == '/' && (str_starts(last, NAME_OF_OURS) || str_starts(last, NAME_OF_CRIU));
}

static bool dir_find(const char *path, char *buf, size_t size, struct stat *ret)
{
	snprintf(buf, size, "%s", path);
	return stat(dirname(buf), ret) == 0;
}

bool link_remap_blocked(const struct dump *d, const struct fd_probe *p)
{
	char name[64], dir[PATH_MAX];
	struct stat st;

	if (!link_remap_is(p->link, &p->st))
		return false;
	fd_probe_name(p, name, sizeof(name));
	if (!d->s->opts->link_remap)
		blocker("use --link-remap, which makes a name for it until it is restored",
			"%s: %s: a file that was deleted here, and has %lu other names", name,
			p->link, (unsigned long)p->st.st_nlink);
	else if (!dir_find(p->link, dir, sizeof(dir), &st) || st.st_dev != p->st.st_dev)
		blocker(NULL,
			"%s: %s: a file that was deleted here, and has %lu other names: its "
			"directory, which --link-remap needs, has gone, too",
			name, p->link, (unsigned long)p->st.st_nlink);
	else if (faccessat(AT_FDCWD, dir, W_OK, AT_EACCESS) < 0)
		blocker(NULL,
			"%s: %s: a file that was deleted here, and has %lu other names: "
			"--link-remap cannot make one in %s: %s",
			name, p->link, (unsigned long)p->st.st_nlink, dir, strerror(errno));
	else
		return false;
	return true;
}

static int seen_new(struct dump *d, const struct fd_probe *p, struct link_seen **ret)
{
	char dir[PATH_MAX], name[PATH_MAX + 64];
	struct link_seen *s = arena_alloc(&d->arena, sizeof(*s));

	snprintf(dir, sizeof(dir), "%s", p->link);
	s->id = ++d->next_file_id;
	snprintf(name, sizeof(name), "%s/" NAME_OF_OURS "%s.%u", dirname(dir), d->s->run_id, s->id);
	s->dev = p->st.st_dev;
	s->ino = p->st.st_ino;
	s->name = arena_strdup(&d->arena, name);
	s->fd = fcntl(p->lfd, F_DUPFD_CLOEXEC, 0);
	if (s->fd < 0)
		return fail(errno, "duplicate it");
	s->next = d->links;
	d->links = s;
	*ret = s;
	return reg_dump_path(d, s->id, s->name, &p->st, O_RDONLY);
}

int link_remap_dump(struct dump *d, const struct fd_probe *p, uint32_t id)
{
	struct link_seen *s = d->links;
	int r = 0;

	while (s && (s->dev != p->st.st_dev || s->ino != p->st.st_ino))
		s = s->next;
	if (!s)
		r = seen_new(d, p, &s);
	return r < 0 || !s ? r : remap_write(d, id, s->id, REMAP_TYPE__LINKED);
}

static int link_make(struct link_seen *s)
{
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", s->fd);
	if (linkat(AT_FDCWD, link, AT_FDCWD, s->name, AT_SYMLINK_FOLLOW) < 0)
		return fail(errno, "make the name %s", s->name);
	s->made = true;
	return 0;
}

int link_remaps_make(struct dump *d)
{
	struct left_notes notes = { 0 };
	int r = 0;

	for (struct link_seen *s = d->links; s && r >= 0; s = s->next)
		r = left_note_link(d->s, &notes, s->name, s->dev, s->ino);
	r = left_notes_close(&notes, r);
	for (struct link_seen *s = d->links; s && r >= 0; s = s->next)
		r = link_make(s);
	return r;
}

void link_remaps_undo(struct dump *d)
{
	for (struct link_seen *s = d->links; s; s = s->next) {
		if (s->made && unlink(s->name) < 0)
			log_warn("remove %s: %s", s->name, strerror(errno));
		s->made = false;
	}
}

void link_remaps_done(struct dump *d)
{
	for (struct link_seen *s = d->links; s; s = s->next)
		close(s->fd);
}
