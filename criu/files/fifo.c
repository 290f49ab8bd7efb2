// SPDX-License-Identifier: GPL-2.0-only
/*
 * Named FIFOs: a path like that of a regular file, and what is in them like in a pipe. Images:
 * images/pipe.proto; path, flags and owner are a reg_file_entry of its own. Tests:
 * test/zdtm/static/fifo*.
 *
 * Who opens a FIFO waits for the other end; who opens it for both does not. So crtool opens it for
 * both and fills it, then makes all descriptions, and the tasks take theirs.
 *
 * A process outside of the tree that has it open has the same inode: opened by its path, it is the
 * same FIFO again. But then what was in it has stayed in the kernel, and may have been read: at the
 * dump this is refused, and at the restore only what is empty is filled.
 *
 * poll(2) of a reading end says POLLHUP when all writers have gone, not when none has ever come
 * since it was opened (fs/pipe.c: w_counter). So those that are not hung up are opened last, when
 * crtool's own end has gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/holder.h"
#include "criu/files/kinds.h"
#include "criu/files/pipedata.h"
#include "criu/files/reg.h"
#include "criu/image/writer.h"

static bool fifo_match(const struct fd_probe *p)
{
	return S_ISFIFO(p->st.st_mode) && p->link[0] == '/' && !(p->info.flags & O_PATH);
}

/* --- dump ----------------------------------------------------------------------- */

struct fifo_seen {
	struct fifo_seen *next; /* with the same inode number, on another device */
	dev_t dev;
	uint32_t pipe_id;
};

/* NULL: is new, and now is known. */
static const struct fifo_seen *fifo_find(struct dump *d, const struct stat *st, uint32_t id)
{
	struct fifo_seen *first = map_get(&d->fifos, st->st_ino), *s;

	for (s = first; s; s = s->next)
		if (s->dev == st->st_dev)
			return s;
	s = arena_alloc(&d->arena, sizeof(*s));
	*s = (struct fifo_seen){ .dev = st->st_dev, .pipe_id = id };
	if (first) {
		s->next = first->next;
		first->next = s;
	} else {
		map_put(&d->fifos, st->st_ino, s);
	}
	return NULL;
}

/* Links are compared by their last name first: stat(2) may wait for a server. */
static bool may_be(const char *link, const void *ctx)
{
	const struct fd_probe *p = ctx;

	return link[0] == '/' && (p->st.st_nlink != 1 || str_ends(link, strrchr(p->link, '/')));
}

/* True when it stands in the way. */
static bool fifo_blocked(const struct dump *d, const struct fd_probe *p)
{
	char name[64];
	int bytes = 0, r = reg_path_check(p->link, &p->st);
	pid_t other;

	fd_probe_name(p, name, sizeof(name));
	if (!p->st.st_nlink)
		blocker(NULL, "%s: %s: a FIFO without a name, which cannot be kept yet", name,
			p->link);
	else if (r == -ESTALE)
		blocker(NULL, "%s: %s: another file has this name now", name, p->link);
	else if (r < 0)
		blocker(NULL, "%s: %s: %s", name, p->link, strerror(-r));
	else if (ioctl(p->lfd, FIONREAD, &bytes) == 0 && bytes &&
		 (other = holder_outside(d, &p->st, may_be, p)))
		blocker("try again when it is empty, or stop that process",
			"%s: %s: a FIFO with %d bytes in it that pid %d has open, too, which is "
			"not in the tree",
			name, p->link, bytes, (int)other);
	else
		return false;
	return true;
}

static int path_dump(struct dump *d, const struct fd_probe *p, uint32_t id)
{
	FileEntry fe = FILE_ENTRY__INIT;
	RegFileEntry reg = REG_FILE_ENTRY__INIT;
	FownEntry fown;
	int r = fown_dump_probe(p, &fown);

	if (r < 0)
		return r;
	reg.id = id;
	reg.name = (char *)(uintptr_t)p->link;
	reg.flags = fd_probe_flags(p);
	reg.fown = &fown;
	reg.has_mode = true;
	reg.mode = p->st.st_mode;
	fe.type = FD_TYPES__REG;
	fe.reg = &reg;
	return dump_file_write(d, id, &fe);
}

static bool is_hung_up(int lfd)
{
	struct pollfd p = { .fd = lfd };

	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

static int fifo_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	FifoEntry e = FIFO_ENTRY__INIT;
	const struct fifo_seen *seen;
	int r = 0;

	if (fifo_blocked(d, p))
		return 0;
	seen = fifo_find(d, &p->st, p->id);
	if (!seen)
		r = pipe_content_dump(d, IMAGE_FIFO_DATA, &d->fifo_data_img, p->id, p);
	e.id = p->id;
	e.pipe_id = seen ? seen->pipe_id : p->id;
	e.has_regf_id = true;
	e.regf_id = ++d->next_file_id;
	if ((p->info.flags & O_ACCMODE) == O_RDONLY && !is_hung_up(p->lfd))
		e.has_not_hung_up = e.not_hung_up = true;
	if (r >= 0)
		r = path_dump(d, p, e.regf_id);
	fe.type = FD_TYPES__FIFO;
	fe.fifo = &e;
	return r < 0 ? r : dump_file_write(d, p->id, &fe);
}

/* --- restore -------------------------------------------------------------------- */

struct fifo_file {
	struct file file;
	struct fifo_file *first; /* of the same FIFO */
	struct fifo_file *next; /* in the list of the first one */
	const RegFileEntry *reg;
	int slot; /* broker number */
	/* of the first */
	bool has_writer;
	struct pipe_content content;
};

static int fifo_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	struct fifo_file *p = file_to(struct fifo_file, f);
	const FifoEntry *e = fe->fifo;
	struct file *path;
	int ret;

	if (!e)
		return fail_plain("has no part of a FIFO");
	ret = reg_find(r, e->has_regf_id ? e->regf_id : e->id, &p->reg);
	if (ret < 0)
		return ret;
	/* For messages about the path. */
	path = restore_find_file(r, p->reg->id);
	path->owner = f->owner;
	path->owner_fd = f->owner_fd;
	if ((p->reg->flags & O_ACCMODE) == O_ACCMODE)
		return fail_plain("%s: a FIFO with flags %o", p->reg->name, p->reg->flags);
	if (p->reg->has_mode && !S_ISFIFO(p->reg->mode))
		return fail_plain("%s: a FIFO with mode %o", p->reg->name, p->reg->mode);
	p->slot = restore_add_broker(r);
	if (p->slot < 0)
		return p->slot;
	p->first = map_get(&r->fifos, e->pipe_id);
	if (!p->first) {
		p->first = p;
		map_put(&r->fifos, e->pipe_id, p);
	} else {
		p->next = p->first->next;
		p->first->next = p;
	}
	if ((p->reg->flags & O_ACCMODE) != O_RDONLY)
		p->first->has_writer = true;
	return 0;
}

static struct pipe_content *content_of(struct restore *r, uint32_t id)
{
	struct fifo_file *p = map_get(&r->fifos, id);

	return p ? &p->content : NULL;
}

/* Without waiting for the other end. */
static int fifo_open_as(struct restore *r, const struct fifo_file *p, uint32_t flags)
{
	struct stat st;
	int fd = reg_open(r, p->reg, flags | O_NONBLOCK);

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))) {
		close(fd);
		return fail_plain("%s is no FIFO", p->reg->name);
	}
	return fd;
}

static int fifo_fill(struct restore *r, struct fifo_file *p, int fd)
{
	struct timespec times[2];
	int there = 0, ret = 0;
	struct stat st;

	if (!r->fifos_loaded)
		ret = pipe_contents_load(r, IMAGE_FIFO_DATA, content_of);
	r->fifos_loaded = true;
	if (ret < 0)
		return ret;
	if (fstat(fd, &st) < 0)
		return fail(errno, "stat %s", p->reg->name);
	if (ioctl(fd, FIONREAD, &there) < 0)
		return fail(errno, "%s: FIONREAD", p->reg->name);
	if (there && p->content.bytes)
		return fail_hint(fail_plain("%s: the FIFO has %d bytes in it that came after the "
					    "dump: its own %u would come behind them",
					    p->reg->name, there, p->content.bytes),
				 "stop the process that has it open");
	ret = fail_at(pipe_content_fill(&p->content, fd), "%s", p->reg->name);
	/* It was not written to just now. */
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (ret >= 0 && p->content.bytes && futimens(fd, times) < 0)
		return fail(errno, "%s: its times", p->reg->name);
	return ret;
}

/* Of all descriptions those that are, or are not, to be opened while nobody writes. */
static int open_some(struct restore *r, const struct fifo_file *first, bool late)
{
	for (const struct fifo_file *p = first; p; p = p->next) {
		int fd;

		if ((!first->has_writer && p->file.entry->fifo->not_hung_up) != late)
			continue;
		/* Of a FIFO, open(2) takes no O_DIRECT. */
		fd = fifo_open_as(r, p, p->reg->flags & ~(uint32_t)O_DIRECT);
		if (fd < 0)
			return fd;
		if (fcntl(fd, F_SETFL, (int)p->reg->flags) < 0) {
			close(fd);
			return fail(errno, "%s: F_SETFL %o", p->reg->name, p->reg->flags);
		}
		broker_give(r, p->slot, fd);
	}
	return 0;
}

static int fifo_create(struct restore *r, struct file *f)
{
	struct fifo_file *p = file_to(struct fifo_file, f);
	cleanup_close int both = -1, keep = -1;
	int ret;

	if (p->first != p)
		return 0;
	both = fifo_open_as(r, p, O_RDWR);
	if (both < 0)
		return both;
	/* Without an end, what is in it would go. */
	keep = fifo_open_as(r, p, O_RDONLY);
	if (keep < 0)
		return keep;
	ret = fifo_fill(r, p, both);
	if (ret >= 0)
		ret = open_some(r, p, false);
	close(take_fd(&both));
	return ret < 0 ? ret : open_some(r, p, true);
}

static int fifo_open(struct restore *r, struct file *f)
{
	const struct fifo_file *p = file_to(struct fifo_file, f);
	cleanup_close int fd = broker_take(r, p->slot);
	int ret = fd < 0 ? fd : fown_restore(fd, p->reg->fown);

	return ret < 0 ? fail_at(ret, "%s", p->reg->name) : take_fd(&fd);
}

static void fifo_done(struct file *f)
{
	pipe_content_done(&file_to(struct fifo_file, f)->content);
}

const struct file_kind fifo_kind = {
	.name = "fifo",
	.type = FD_TYPES__FIFO,
	.size = sizeof(struct fifo_file),
	.match = fifo_match,
	.dump = fifo_dump,
	.load = fifo_load,
	.create = fifo_create,
	.open = fifo_open,
	.done = fifo_done,
};
