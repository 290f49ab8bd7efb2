// SPDX-License-Identifier: GPL-2.0-only
/*
 * A deleted file, or directory, lives as long as somebody has it open or mapped, and so do its
 * contents: they go into an image of their own. Images: images/ghost.proto. Tests:
 * test/zdtm/static/ghost*.
 *
 * On the way back crtool makes a file before the first fork: without a name, which it then gets for
 * a moment, if nobody else has it, so that /proc shows the name that it had. A file that never
 * had one must not get one: it could not be given one later any more. Tasks open it through
 * their copy of crtool's descriptor. A directory (files/lostdir.c) has its name for a moment, too.
 * Nothing is left should crtool be killed, but for that moment.
 */
#include "criu/files/ghost.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/linkremap.h"
#include "criu/files/lostdir.h"
#include "criu/files/procfile.h"
#include "criu/files/xattr.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"
#include "images/ghost.pb-c.h"

#define COPY_BYTES (1ul << 20)
#define SIZE_LIMIT (1ull << 62)
#define MODE_BITS  07777

static const char deleted_suffix[] = " (deleted)";

struct ghost_seen {
	struct ghost_seen *next;
	dev_t dev;
	ino_t ino;
	uint32_t id;
};

/* Where it was, or what is left above that, is on the same file system. */
bool ghost_is(const char *path, const struct stat *st)
{
	cleanup_close int dir = -1;
	struct stat its;

	if ((!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)) || st->st_nlink)
		return false;
	dir = lost_dir_above(path);
	return dir >= 0 && fstat(dir, &its) == 0 && its.st_dev == st->st_dev;
}

bool ghost_is_nameless(const char *link, const struct stat *st)
{
	char name[64];

	snprintf(name, sizeof(name), "/#%llu%s", (unsigned long long)st->st_ino, deleted_suffix);
	return st->st_nlink == 0 && str_ends(link, name);
}

char *ghost_name(struct arena *a, const char *link, const struct stat *st)
{
	char *name = arena_strdup(a, link);

	if ((ghost_is(link, st) || link_remap_is(link, st)) && str_ends(name, deleted_suffix))
		name[strlen(name) - strlen(deleted_suffix)] = '\0';
	return name;
}

static int data_dump(struct image_writer *w, int fd, off_t at, off_t end, uint8_t *buf)
{
	GhostChunkEntry e = GHOST_CHUNK_ENTRY__INIT;
	int r;

	e.off = (uint64_t)at;
	e.len = (uint64_t)(end - at);
	r = image_write(w, &e.base);
	while (r >= 0 && at < end) {
		size_t n = (size_t)(end - at) < COPY_BYTES ? (size_t)(end - at) : COPY_BYTES;

		r = io_pread(fd, buf, n, at);
		if (r < 0)
			return fail(-r, "read at offset %lld", (long long)at);
		r = image_write_raw(w, buf, n);
		at += (off_t)n;
	}
	return r;
}

/* What has bytes; the rest is holes. */
static int contents_dump(struct image_writer *w, int fd, off_t size)
{
	cleanup_free uint8_t *buf = mem_alloc(COPY_BYTES);
	off_t at = 0;

	while (at < size) {
		off_t data = lseek(fd, at, SEEK_DATA), hole;
		int r;

		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0 && errno == EINVAL) { /* a file system without holes */
			data = at;
			hole = size;
		} else {
			hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		}
		if (hole < 0)
			return fail(errno, "seek from offset %lld", (long long)at);
		r = data_dump(w, fd, data, hole < size ? hole : size, buf);
		if (r < 0)
			return r;
		at = hole;
	}
	return 0;
}

static Timeval time_of(const struct timespec *ts)
{
	Timeval t = TIMEVAL__INIT;

	t.tv_sec = (uint64_t)ts->tv_sec;
	t.tv_usec = (uint64_t)ts->tv_nsec / 1000;
	return t;
}

/* The front of the image. */
static int entry_write(struct dump *d, struct image_writer *w, int fd, const struct stat *st)
{
	GhostFileEntry e = GHOST_FILE_ENTRY__INIT;
	Timeval atim = time_of(&st->st_atim), mtim = time_of(&st->st_mtim);
	struct xattrs x;
	int r = xattrs_read(&d->arena, fd, &x);

	e.uid = st->st_uid;
	e.gid = st->st_gid;
	e.mode = st->st_mode;
	e.has_dev = e.has_ino = true;
	e.dev = (uint32_t)st->st_dev;
	e.ino = st->st_ino;
	if (S_ISREG(st->st_mode)) {
		e.has_chunks = e.chunks = e.has_size = true;
		e.size = (uint64_t)st->st_size;
	}
	e.atim = &atim;
	e.mtim = &mtim;
	if (r < 0)
		return r;
	e.xattrs = x.v;
	e.n_xattrs = x.nr;
	return image_write(w, &e.base);
}

static int ghost_write(struct dump *d, uint32_t id, int fd, const struct stat *st)
{
	struct image_writer *w = NULL;
	int r = image_writer_open(d->s->images, IMAGE_GHOST_FILE, id, &w);

	if (r >= 0)
		r = entry_write(d, w, fd, st);
	if (r >= 0 && S_ISREG(st->st_mode) && !image_dir_is_nowhere(d->s->images))
		r = contents_dump(w, fd, st->st_size);
	if (r >= 0)
		return image_writer_close(&w);
	image_writer_free(w);
	return r;
}

int remap_write(struct dump *d, uint32_t id, uint32_t remap, RemapType type)
{
	RemapFilePathEntry e = REMAP_FILE_PATH_ENTRY__INIT;
	int r = 0;

	if (!d->remap_img)
		r = image_writer_open(d->s->images, IMAGE_REMAP_FPATH, 0, &d->remap_img);
	e.orig_id = id;
	e.remap_id = remap;
	e.has_remap_type = true;
	e.remap_type = type;
	return r < 0 ? r : image_write(d->remap_img, &e.base);
}

int ghost_dump(struct dump *d, uint32_t id, const char *who, const char *path, int fd,
	       const struct stat *st)
{
	char link[32];
	cleanup_close int own = -1;
	struct ghost_seen *g = d->ghosts;
	uint64_t limit = d->s->opts->ghost_limit;
	int r;

	while (g && (g->dev != st->st_dev || g->ino != st->st_ino))
		g = g->next;
	if (g)
		return remap_write(d, id, g->id, REMAP_TYPE__GHOST);
	if (limit && S_ISREG(st->st_mode) && (uint64_t)st->st_size > limit) {
		blocker("try a larger --ghost-limit",
			"%s: %s: a file without a name of %lld bytes, more than the limit of %llu",
			who, path, (long long)st->st_size, (unsigned long long)limit);
		return 0;
	}
	/* The task's description may be for writing only, and its position is its own. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	own = open(link, O_RDONLY | O_NONBLOCK | O_NOATIME | O_CLOEXEC);
	if (own < 0)
		return fail(errno, "open %s to read it", path);
	g = arena_alloc(&d->arena, sizeof(*g));
	*g = (struct ghost_seen){ d->ghosts, st->st_dev, st->st_ino, 1 };
	if (d->ghosts)
		g->id = d->ghosts->id + 1;
	d->ghosts = g;
	r = ghost_write(d, g->id, own, st);
	return r < 0 ? fail_at(r, "%s", path) : remap_write(d, id, g->id, REMAP_TYPE__GHOST);
}

int ghosts_dump_end(struct dump *d)
{
	return d->remap_img ? image_writer_close(&d->remap_img) : 0;
}

/* --- restore ------------------------------------------------------------------ */

struct ghost {
	uint32_t id;
	const char *name; /* of the first file that is it */
	const char *link; /* --link-remap: the name that it has; NULL: its contents are saved */
	bool nameless; /* it never had a name */
	int fd;
	struct ghost *next;
};

/* A regular file that is found in a ghost. */
struct ghost_use {
	uint32_t file;
	struct ghost *ghost;
};

static struct ghost *ghost_add(struct restore *r, uint32_t id, const char *link)
{
	struct ghost *g = arena_alloc(&r->arena, sizeof(*g));

	*g = (struct ghost){ .id = id, .link = link, .fd = -1, .next = r->ghosts };
	r->ghosts = g;
	return g;
}

static struct ghost *ghost_get(struct restore *r, uint32_t id)
{
	struct ghost *g = r->ghosts;

	while (g && (g->id != id || g->link))
		g = g->next;
	return g ? g : ghost_add(r, id, NULL);
}

/* The same where a dump has made a name for it; NULL: it has not. */
static struct ghost *linked_get(struct restore *r, uint32_t id)
{
	const struct file *f = restore_find_file(r, id);
	const RegFileEntry *reg = f ? f->entry->reg : NULL;
	struct ghost *g = r->ghosts;

	if (!reg || !link_remap_is_name(reg->name))
		return NULL;
	while (g && (g->id != id || !g->link))
		g = g->next;
	return g ? g : ghost_add(r, id, reg->name);
}

static int remap_load(struct restore *r, const RemapFilePathEntry *e)
{
	struct file *f = restore_find_file(r, e->orig_id);
	const RegFileEntry *reg = f ? f->entry->reg : NULL;
	struct ghost *g;

	if (!reg || reg->name[0] != '/')
		return fail_plain("remap-fpath.img: file %u is no regular file with a path",
				  e->orig_id);
	if (e->has_remap_type && e->remap_type == REMAP_TYPE__PROCFS)
		return procgone_load(r, e->orig_id, e->remap_id);
	if (e->has_remap_type && e->remap_type == REMAP_TYPE__GHOST)
		g = ghost_get(r, e->remap_id);
	else
		g = linked_get(r, e->remap_id);
	if (!g)
		return fail_plain("remap-fpath.img: file %u is to be found as file %u, which is no "
				  "name that a dump makes",
				  e->orig_id, e->remap_id);
	if (!g->name)
		g->name = reg->name;
	g->nameless |= (reg->flags & O_TMPFILE) == O_TMPFILE;
	*array_push(r->ghost_uses, r->nr_ghost_uses, r->cap_ghost_uses) =
	    (struct ghost_use){ e->orig_id, g };
	return 0;
}

int ghosts_load(struct restore *r)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	int ret = image_reader_open(r->s->images, IMAGE_REMAP_FPATH, 0, &img);

	if (ret <= 0)
		return ret;
	while ((ret = image_read(img, &m)) > 0) {
		ret = remap_load(r, (const RemapFilePathEntry *)m);
		protobuf_c_message_free_unpacked(m, NULL);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	return ret < 0 ? ret : blockers_fail();
}

const struct ghost *ghost_of(const struct restore *r, uint32_t id)
{
	for (size_t i = 0; i < r->nr_ghost_uses; i++)
		if (r->ghost_uses[i].file == id)
			return r->ghost_uses[i].ghost;
	return NULL;
}

void ghost_path(const struct ghost *g, char *buf, size_t size)
{
	snprintf(buf, size, "/proc/self/fd/%d", g->fd);
}

static int bytes_restore(struct image_reader *img, int fd, uint64_t at, uint64_t len, uint8_t *buf)
{
	while (len) {
		size_t n = len < COPY_BYTES ? (size_t)len : COPY_BYTES;
		int r = image_read_raw(img, buf, n);

		if (r < 0)
			return r;
		r = io_pwrite(fd, buf, n, (off_t)at);
		if (r < 0)
			return fail(-r, "write %zu bytes", n);
		at += n;
		len -= n;
	}
	return 0;
}

static int chunks_restore(struct image_reader *img, int fd, uint64_t size, uint8_t *buf)
{
	ProtobufCMessage *m;
	int r;

	while ((r = image_read(img, &m)) > 0) {
		const GhostChunkEntry *c = (const GhostChunkEntry *)m;
		uint64_t off = c->off, len = c->len;

		protobuf_c_message_free_unpacked(m, NULL);
		if (off > size || len > size - off)
			return fail_plain("%s: bytes beyond the end of the file",
					  image_reader_where(img));
		r = bytes_restore(img, fd, off, len, buf);
		if (r < 0)
			return r;
	}
	return r;
}

static int contents_restore(struct image_reader *img, const GhostFileEntry *e, int fd)
{
	cleanup_free uint8_t *buf = mem_alloc(COPY_BYTES);
	uint64_t size = e->has_size ? e->size : image_reader_left(img);

	if (size > SIZE_LIMIT || ftruncate(fd, (off_t)size) < 0)
		return fail(size > SIZE_LIMIT ? EFBIG : errno, "make it %llu bytes long",
			    (unsigned long long)size);
	if (e->has_chunks && e->chunks)
		return chunks_restore(img, fd, size, buf);
	return bytes_restore(img, fd, 0, image_reader_left(img), buf);
}

/* Last of all: writing changes times, and a change of owner takes mode bits away. */
static int attributes_restore(const GhostFileEntry *e, int fd)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	struct xattrs x = { e->xattrs, e->n_xattrs };
	int ret = xattrs_begin(fd);

	if (ret < 0)
		return ret;
	if (fchown(fd, e->uid, e->gid) < 0)
		return fail(errno, "change its owner to %u:%u", e->uid, e->gid);
	if (fchmod(fd, e->mode & MODE_BITS) < 0)
		return fail(errno, "change its mode to %o", e->mode & MODE_BITS);
	ret = xattrs_set(fd, &x);
	if (ret < 0)
		return ret;
	if (e->atim)
		times[0] =
		    (struct timespec){ (time_t)e->atim->tv_sec, (long)(e->atim->tv_usec * 1000) };
	if (e->mtim)
		times[1] =
		    (struct timespec){ (time_t)e->mtim->tv_sec, (long)(e->mtim->tv_usec * 1000) };
	return futimens(fd, times) < 0 ? fail(errno, "set its times") : 0;
}

/* A file in the directory of the name, which it gets and loses, if that can be: the descriptor. */
static int file_make(const struct ghost *g)
{
	char copy[PATH_MAX], link[32];
	const char *name = g->name, *dir;
	cleanup_close int fd = -1;
	int named;

	if (strlen(name) >= sizeof(copy))
		return fail(ENAMETOOLONG, "%s", name);
	snprintf(copy, sizeof(copy), "%s", name);
	dir = dirname(copy);
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(errno, "make a file without a name in %s", dir);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (g->nameless || linkat(AT_FDCWD, link, AT_FDCWD, name, AT_SYMLINK_FOLLOW) < 0)
		return take_fd(&fd); /* EEXIST: another has taken it */
	named = open(name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	unlink(name);
	return named < 0 ? take_fd(&fd) : named;
}

/* The file, or directory; with its directory, if that has gone, too. */
static int ghost_new(const struct ghost *g, mode_t mode)
{
	struct lost_dirs above;
	int ret = lost_dirs_make(g->name, &above);

	if (ret < 0)
		return ret;
	ret = S_ISDIR(mode) ? lost_dir_new(g->name) : file_make(g);
	lost_dirs_remove(&above);
	return ret;
}

static int ghost_fill(struct restore *r, struct ghost *g, struct image_reader *img,
		      const GhostFileEntry *e)
{
	cleanup_close int fd = -1;
	int ret = 0;

	if (!S_ISREG(e->mode) && !S_ISDIR(e->mode))
		return fail_plain("ghost-file-%x.img: neither a file nor a directory (mode %o), "
				  "which cannot be restored yet",
				  g->id, e->mode);
	ret = xattrs_check(&(struct xattrs){ e->xattrs, e->n_xattrs });
	if (ret < 0)
		return ret;
	fd = ghost_new(g, e->mode);
	if (fd < 0)
		return fd;
	if (S_ISREG(e->mode))
		ret = contents_restore(img, e, fd);
	if (ret >= 0)
		ret = attributes_restore(e, fd);
	if (ret >= 0)
		ret = g->fd = service_fd_readonly(r, fd);
	return ret;
}

static int ghost_make(struct restore *r, struct ghost *g)
{
	struct image_reader *img;
	ProtobufCMessage *m = NULL;
	int ret = image_reader_open(r->s->images, IMAGE_GHOST_FILE, g->id, &img);

	if (ret <= 0)
		return ret < 0 ? ret : fail_plain("ghost-file-%x.img is missing", g->id);
	ret = image_read(img, &m);
	if (ret == 0)
		ret = fail_plain("ghost-file-%x.img is empty", g->id);
	if (ret > 0)
		ret = ghost_fill(r, g, img, (const GhostFileEntry *)m);
	if (m)
		protobuf_c_message_free_unpacked(m, NULL);
	image_reader_free(img);
	return ret;
}

/* By the name that the dump has made; with that which it had for a moment, if it is free. */
static int linked_open(const struct ghost *g)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	bool named = linkat(AT_FDCWD, g->link, AT_FDCWD, g->name, 0) == 0;
	int fd = open(named ? g->name : g->link, flags), err = errno;

	if (named)
		unlink(g->name);
	return fd < 0 ? fail(err, "open %s", g->link) : fd;
}

static int linked_make(struct restore *r, struct ghost *g)
{
	cleanup_close int fd = linked_open(g);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return fail_plain("%s is no regular file", g->link);
	return g->fd = service_fd(r, take_fd(&fd));
}

void ghosts_unlink(const struct restore *r)
{
	for (const struct ghost *g = r->ghosts; g; g = g->next) {
		struct stat st, now;

		/* Still the file that it was when it was opened. */
		if (g->link && fstat(g->fd, &st) == 0 && lstat(g->link, &now) == 0 &&
		    st.st_dev == now.st_dev && st.st_ino == now.st_ino && unlink(g->link) < 0)
			log_warn("remove %s: %s", g->link, strerror(errno));
	}
}

int ghosts_make(struct restore *r)
{
	for (struct ghost *g = r->ghosts; g; g = g->next) {
		int ret = g->link ? linked_make(r, g) : ghost_make(r, g);

		if (ret < 0)
			return fail_at(ret, "%s", g->name);
	}
	return 0;
}

void ghosts_done(struct restore *r)
{
	for (struct ghost *g = r->ghosts; g; g = g->next)
		if (g->fd >= 0)
			close(g->fd);
	free(r->ghost_uses);
	r->ghosts = NULL;
	r->ghost_uses = NULL;
}
