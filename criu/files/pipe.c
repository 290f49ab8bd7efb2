// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipes: what is in them, how much fits, and their ends. Images: images/pipe.proto. Tests:
 * test/zdtm/static/pipe*.
 *
 * tee(2) copies what is in a pipe and takes nothing out. On the way back crtool makes each
 * pipe and fills it; tasks take an end from it. More descriptions of an end come, as they
 * did the first time, from opening /proc/self/fd/N: those have O_LARGEFILE, the two that
 * pipe(2) makes do not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/kinds.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"

#define O_LARGEFILE_KERNEL 0100000 /* glibc's is 0 on 64 bits */

struct pipe_file {
	struct file file;
	struct pipe_file *first; /* of the same pipe: it makes it */
	bool original; /* one of the two descriptions that pipe(2) made */
	/* of the first */
	int end[2]; /* broker numbers of reading and writing end */
	bool taken[2];
	uint8_t *data; /* owned */
	uint32_t bytes, capacity;
};

static bool pipe_match(const struct fd_probe *p)
{
	return S_ISFIFO(p->st.st_mode) && str_starts(p->link, "pipe:[");
}

/* The first time that this pipe is met. */
static bool pipe_is_new(struct dump *d, uint64_t ino)
{
	if (map_get(&d->pipes, ino))
		return false;
	map_put(&d->pipes, ino, d);
	return true;
}

/* A reading end of the pipe behind lfd that does not wait. */
static int pipe_reopen(int lfd)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", lfd);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? fail(errno, "open %s for reading", path) : fd;
}

static int data_write(struct dump *d, uint32_t id, const uint8_t *data, size_t len, int capacity)
{
	PipeDataEntry e = PIPE_DATA_ENTRY__INIT;
	int r = 0;

	e.pipe_id = id;
	e.bytes = (uint32_t)len;
	e.has_size = true;
	e.size = (uint32_t)capacity;
	if (!d->pipes_data_img)
		r = image_writer_open(d->s->images, IMAGE_PIPES_DATA, 0, &d->pipes_data_img);
	if (r >= 0)
		r = image_write(d->pipes_data_img, &e.base);
	return r < 0 ? r : image_write_raw(d->pipes_data_img, data, len);
}

/* The copy goes through a pipe of our own of the same capacity. */
static int data_dump(struct dump *d, const struct fd_probe *p)
{
	cleanup_close int from = pipe_reopen(p->lfd), in = -1, out = -1;
	cleanup_free uint8_t *data = NULL;
	int ends[2], capacity;
	ssize_t n;

	if (from < 0)
		return from;
	capacity = fcntl(from, F_GETPIPE_SZ);
	if (capacity < 0)
		return fail(errno, "F_GETPIPE_SZ");
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail(errno, "pipe");
	in = ends[0];
	out = ends[1];
	if (capacity != fcntl(out, F_GETPIPE_SZ) && fcntl(out, F_SETPIPE_SZ, capacity) < 0)
		return fail(errno, "F_SETPIPE_SZ %d", capacity);
	n = tee(from, out, (size_t)capacity, SPLICE_F_NONBLOCK);
	if (n < 0 && errno != EAGAIN)
		return fail(errno, "tee");
	if (n < 0)
		n = 0;
	data = mem_alloc((size_t)n);
	if (n && io_read(in, data, (size_t)n) < 0)
		return fail(errno, "read what is in the pipe");
	return data_write(d, (uint32_t)p->st.st_ino, data, (size_t)n, capacity);
}

static int pipe_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	PipeEntry e = PIPE_ENTRY__INIT;
	FownEntry fown;
	char name[64];
	int r;

	if (fd_probe_flags(p) & O_DIRECT) {
		blocker(NULL, "%s: %s: a pipe in packet mode, which cannot be kept yet",
			fd_probe_name(p, name, sizeof(name)), p->link);
		return 0;
	}
	r = fown_dump(p->lfd, &fown);
	if (r >= 0 && pipe_is_new(d, p->st.st_ino))
		r = data_dump(d, p);
	if (r < 0)
		return r;
	e.id = p->id;
	e.pipe_id = (uint32_t)p->st.st_ino;
	e.flags = fd_probe_flags(p);
	e.fown = &fown;
	fe.type = FD_TYPES__PIPE;
	fe.pipe = &e;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore ------------------------------------------------------------------ */

static void take_original(struct pipe_file *p, uint32_t flags)
{
	uint32_t acc = flags & O_ACCMODE;

	if (flags & O_LARGEFILE_KERNEL || acc == O_RDWR || p->first->taken[acc])
		return;
	p->first->taken[acc] = true;
	p->original = true;
}

static int pipe_load(struct restore *r, const FileEntry *e, struct file *f)
{
	struct pipe_file *p = file_to(struct pipe_file, f);

	if (!e->pipe)
		return fail_plain("has no part of a pipe");
	if ((e->pipe->flags & O_ACCMODE) == O_ACCMODE)
		return fail_plain("a pipe end with flags %o", e->pipe->flags);
	p->first = map_get(&r->pipes, e->pipe->pipe_id);
	if (!p->first) {
		p->first = p;
		map_put(&r->pipes, e->pipe->pipe_id, p);
		for (int i = 0; i < 2; i++) {
			p->end[i] = restore_add_broker(r);
			if (p->end[i] < 0)
				return p->end[i];
		}
	}
	take_original(p, e->pipe->flags);
	return 0;
}

static int data_load(struct restore *r, struct image_reader *img, const PipeDataEntry *e)
{
	struct pipe_file *p = map_get(&r->pipes, e->pipe_id);

	if (e->bytes > image_reader_left(img))
		return fail_plain("%s: pipe %u: %u bytes, more than there are",
				  image_reader_where(img), e->pipe_id, e->bytes);
	if (!p || p->data)
		return image_skip_raw(img, e->bytes);
	p->bytes = e->bytes;
	p->capacity = e->has_size ? e->size : 0;
	p->data = mem_alloc(e->bytes);
	return image_read_raw(img, p->data, e->bytes);
}

/* pipes-data.img, once for all pipes. */
static int all_data_load(struct restore *r)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	int ret = image_reader_open(r->s->images, IMAGE_PIPES_DATA, 0, &img);

	if (ret <= 0)
		return ret;
	while ((ret = image_read(img, &m)) > 0) {
		ret = data_load(r, img, (const PipeDataEntry *)m);
		protobuf_c_message_free_unpacked(m, NULL);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	return ret < 0 ? ret : 0;
}

static int pipe_fill(struct restore *r, struct pipe_file *p, int fd)
{
	uint32_t id = p->file.entry->pipe->pipe_id;
	int ret;

	if (!r->pipes_loaded) {
		r->pipes_loaded = true;
		ret = all_data_load(r);
		if (ret < 0)
			return ret;
	}
	if (p->capacity && fcntl(fd, F_SETPIPE_SZ, (int)p->capacity) < 0)
		return fail(errno, "pipe %u: capacity %u", id, p->capacity);
	ret = p->bytes ? io_write(fd, p->data, p->bytes) : 0;
	return ret < 0 ? fail(-ret, "pipe %u: write %u bytes", id, p->bytes) : 0;
}

static void pipe_done(struct file *f)
{
	free(file_to(struct pipe_file, f)->data);
}

static int pipe_create(struct restore *r, struct file *f)
{
	struct pipe_file *p = file_to(struct pipe_file, f);
	int ends[2];

	if (p->first != p)
		return 0;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail(errno, "pipe");
	broker_give(r, p->end[0], ends[0]);
	broker_give(r, p->end[1], ends[1]);
	return pipe_fill(r, p, ends[1]);
}

/* Any end will do: which one it is to be is told to open(2). */
static int pipe_open_again(const struct restore *r, const struct pipe_file *p, uint32_t flags)
{
	cleanup_close int any = broker_take(r, p->first->end[0]);
	char path[32];
	int fd;

	if (any < 0)
		return any;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", any);
	fd = open(path, (int)(flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? fail(errno, "open an end of the pipe") : fd;
}

static int pipe_open(struct restore *r, struct file *f)
{
	const struct pipe_file *p = file_to(struct pipe_file, f);
	const PipeEntry *e = f->entry->pipe;
	cleanup_close int fd = -1;
	int ret;

	fd = p->original ? broker_take(r, p->first->end[e->flags & O_ACCMODE])
			 : pipe_open_again(r, p, e->flags);
	if (fd < 0)
		return fail_at(fd, "pipe %u", e->pipe_id);
	if (fcntl(fd, F_SETFL, (int)e->flags) < 0)
		return fail(errno, "pipe %u: F_SETFL %o", e->pipe_id, e->flags);
	ret = fown_restore(fd, e->fown);
	return ret < 0 ? ret : take_fd(&fd);
}

const struct file_kind pipe_kind = {
	.name = "pipe",
	.type = FD_TYPES__PIPE,
	.size = sizeof(struct pipe_file),
	.match = pipe_match,
	.dump = pipe_dump,
	.load = pipe_load,
	.create = pipe_create,
	.open = pipe_open,
	.done = pipe_done,
};
