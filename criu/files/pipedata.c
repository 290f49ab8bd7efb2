// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in a pipe: the kernel has a row of buffers. Some of them are packets: what was written
 * in one go while the writing end had O_DIRECT, which one read(2) takes alone, and whole. That is
 * a property of the buffer: it stays when the flag goes, and both sorts may stand in one pipe.
 *
 * tee(2) makes a copy of the buffers, packets included, and takes nothing out.
 */
#include "criu/files/pipedata.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"

#define PACKET_MAX    PAGE_BYTES /* fs/pipe.c: pipe_write() */
#define PIPE_LOOK_MAX PAGE_BYTES

/* --- dump ----------------------------------------------------------------------- */

/* A pipe of our own. */
struct own_pipe {
	int in, out;
};

static void own_pipe_close(struct own_pipe *p)
{
	cleanup_closep(&p->in);
	cleanup_closep(&p->out);
}

#define cleanup_own_pipe __attribute__((cleanup(own_pipe_close)))

static int own_pipe_open(struct own_pipe *p, int capacity)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail(errno, "pipe");
	p->in = ends[0];
	p->out = ends[1];
	if (capacity != fcntl(p->out, F_GETPIPE_SZ) && fcntl(p->out, F_SETPIPE_SZ, capacity) < 0)
		return fail(errno, "F_SETPIPE_SZ %d", capacity);
	return 0;
}

/* The room's own, as long as it is not given back. */
static int room_take(struct pipe_room *room, uint32_t capacity, struct own_pipe *ret)
{
	if (room->capacity != capacity) {
		pipe_room_done(room);
		return own_pipe_open(ret, (int)capacity);
	}
	*ret = (struct own_pipe){ room->ends[0], room->ends[1] };
	room->capacity = 0;
	return 0;
}

/* It is empty again. */
static void room_return(struct pipe_room *room, struct own_pipe *p, uint32_t capacity)
{
	*room = (struct pipe_room){ { p->in, p->out }, capacity };
	*p = (struct own_pipe){ -1, -1 };
}

void pipe_room_done(struct pipe_room *room)
{
	if (!room || !room->capacity)
		return;
	close(room->ends[0]);
	close(room->ends[1]);
	room->capacity = 0;
}

/* A copy of all buffers; returns the bytes in them. */
static ssize_t pipe_copy(int from, const struct own_pipe *ret)
{
	ssize_t n;

	/* A buffer may be larger than a page (from a socket): the capacity is no limit. */
	n = tee(from, ret->out, INT32_MAX, SPLICE_F_NONBLOCK);
	if (n < 0 && errno != EAGAIN)
		return fail(errno, "tee");
	return n < 0 ? 0 : n;
}

/*
 * Reads one buffer, of at most max bytes. `one` has two places and is empty: with a byte in the
 * first, splice(2) moves one buffer there. With that byte taken out, and another put behind the
 * buffer, a read of both ends before that byte where the buffer is a packet. Buffers that come
 * from tee(2) are never written on to.
 */
static ssize_t buffer_read(int from, struct own_pipe *one, uint8_t *data, size_t max,
			   bool *ret_packet)
{
	ssize_t n, got;
	char mark = 0;

	if (write(one->out, &mark, 1) != 1)
		return fail(errno, "write a mark");
	n = splice(from, NULL, one->out, NULL, max, SPLICE_F_NONBLOCK);
	if (n <= 0)
		return fail(n ? errno : ENODATA, "splice a buffer of the pipe");
	if (read(one->in, &mark, 1) != 1 || write(one->out, &mark, 1) != 1)
		return fail(errno, "move a mark");
	got = read(one->in, data, (size_t)n + 1);
	if (got < n)
		return fail(got < 0 ? errno : ENODATA, "read a buffer of the pipe");
	*ret_packet = got == n;
	if (*ret_packet && read(one->in, &mark, 1) != 1)
		return fail(errno, "read a mark");
	return n;
}

static void packet_add(struct pipe_content *c, size_t *cap, size_t at, size_t len)
{
	*array_push(c->packets, c->nr_packets, *cap) = (uint32_t)at;
	*array_push(c->packets, c->nr_packets, *cap) = (uint32_t)len;
}

/* Buffer by buffer, where there may be packets. */
static int buffers_read(int from, struct pipe_content *c)
{
	cleanup_own_pipe struct own_pipe copy = { -1, -1 }, one = { -1, -1 };
	int r = own_pipe_open(&copy, (int)c->capacity);
	ssize_t n = r < 0 ? r : pipe_copy(from, &copy);
	size_t cap = 0;

	if (n < 0)
		return (int)n;
	r = own_pipe_open(&one, 2 * (int)PAGE_BYTES);
	if (r < 0)
		return r;
	free(c->data);
	c->data = mem_alloc((size_t)n + 1); /* and a mark */
	c->bytes = (uint32_t)n;
	for (size_t at = 0; at < c->bytes; at += (size_t)n) {
		bool packet = false;

		n = buffer_read(copy.in, &one, c->data + at, c->bytes - at, &packet);
		if (n < 0)
			return (int)n;
		if (packet)
			packet_add(c, &cap, at, (size_t)n);
	}
	return 0;
}

/* A mark behind all that is there can be read with it only if nothing of it is a packet. */
static int content_read(struct pipe_room *room, int from, struct pipe_content *c)
{
	cleanup_own_pipe struct own_pipe copy = { -1, -1 };
	int r = room_take(room, c->capacity, &copy);
	ssize_t n = r < 0 ? r : pipe_copy(from, &copy), marked;
	char mark = 0;

	if (n <= 0)
		return (int)n;
	c->data = mem_alloc((size_t)n + 1);
	c->bytes = (uint32_t)n;
	marked = write(copy.out, &mark, 1);
	if (marked < 0 && errno != EAGAIN)
		return fail(errno, "write a mark");
	if (marked <= 0 || read(copy.in, c->data, (size_t)n + 1) != n + 1)
		return buffers_read(from, c);
	room_return(room, &copy, c->capacity);
	return 0;
}

/* A reading end that does not wait. */
static int reopen(int lfd)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", lfd);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? fail(errno, "open %s for reading", path) : fd;
}

/* *ret_there: how many bytes there are. */
static int content_ask(int lfd, struct pipe_content *c, int *ret_there)
{
	int capacity = fcntl(lfd, F_GETPIPE_SZ);

	if (capacity < 0)
		return fail(errno, "F_GETPIPE_SZ");
	c->loaded = true;
	c->capacity = (uint32_t)capacity;
	return ioctl(lfd, FIONREAD, ret_there) < 0 ? fail(errno, "FIONREAD of a pipe") : 0;
}

/* A reading end is opened only where it is needed: of a FIFO, somebody may wait for one. */
static int content_find(struct pipe_room *room, int lfd, uint32_t flags, struct pipe_content *ret)
{
	cleanup_close int from = -1;
	int there = 0, r = content_ask(lfd, ret, &there);

	if (r < 0 || !there)
		return r;
	if ((flags & O_ACCMODE) != O_WRONLY)
		return content_read(room, lfd, ret);
	from = reopen(lfd);
	return from < 0 ? from : content_read(room, from, ret);
}

bool pipe_is_alone(int lfd)
{
	struct pollfd p = { .fd = lfd };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

static int content_write(struct dump *d, enum image_kind kind, struct image_writer **img,
			 uint32_t id, const struct pipe_content *c)
{
	PipeDataEntry e = PIPE_DATA_ENTRY__INIT;
	int r = *img ? 0 : image_writer_open(d->s->images, kind, 0, img);

	e.pipe_id = id;
	e.bytes = c->bytes;
	e.has_size = true;
	e.size = c->capacity;
	e.packets = c->packets;
	e.n_packets = c->nr_packets;
	if (r >= 0)
		r = image_write(*img, &e.base);
	return r < 0 ? r : image_write_raw(*img, c->data, c->bytes);
}

int pipe_content_dump(struct dump *d, enum image_kind kind, struct image_writer **img, uint32_t id,
		      const struct fd_probe *p)
{
	struct pipe_content c = { 0 };
	int r;

	if (p->pipe)
		return content_write(d, kind, img, id, &p->pipe->content);
	if (!d->pipe_room)
		d->pipe_room = arena_alloc(&d->arena, sizeof(*d->pipe_room));
	r = content_find(d->pipe_room, p->lfd, p->info.flags, &c);
	if (r >= 0)
		r = content_write(d, kind, img, id, &c);
	pipe_content_done(&c);
	return r;
}

int pipe_look_take(struct pipe_room *room, int lfd, uint32_t flags, struct pipe_look **ret)
{
	struct pipe_look look = { 0 };
	int there = 0, r;

	if (flags & O_PATH || (flags & O_ACCMODE) != O_RDONLY)
		return 0;
	r = content_ask(lfd, &look.content, &there);
	if (r >= 0 && there > (int)PIPE_LOOK_MAX)
		return 0;
	if (r >= 0 && there)
		r = content_read(room, lfd, &look.content);
	look.alone = r >= 0 && pipe_is_alone(lfd);
	if (r < 0)
		pipe_content_done(&look.content);
	else
		*ret = mem_dup(&look, sizeof(look));
	return r;
}

void pipe_look_free(struct pipe_look *p)
{
	if (p)
		pipe_content_done(&p->content);
	free(p);
}

/* --- restore -------------------------------------------------------------------- */

/* Packets stand one behind the other, inside of what there is. */
static int packets_check(const PipeDataEntry *e)
{
	uint64_t end = 0;

	if (e->n_packets % 2)
		return fail_plain("pipe %u: a packet without a length", e->pipe_id);
	for (size_t i = 0; i < e->n_packets; i += 2) {
		uint64_t at = e->packets[i], len = e->packets[i + 1];

		if (at < end || !len || len > PACKET_MAX || at + len > e->bytes)
			return fail_plain("pipe %u: a packet of %llu bytes at %llu, of %u in all",
					  e->pipe_id, (unsigned long long)len,
					  (unsigned long long)at, e->bytes);
		end = at + len;
	}
	return 0;
}

static int content_load(struct restore *r, struct image_reader *img, const PipeDataEntry *e,
			pipe_content_fn *find)
{
	struct pipe_content *c = find(r, e->pipe_id);
	int ret = packets_check(e);

	if (ret < 0)
		return fail_at(ret, "%s", image_reader_where(img));
	if (e->bytes > image_reader_left(img))
		return fail_plain("%s: pipe %u: %u bytes, more than there are",
				  image_reader_where(img), e->pipe_id, e->bytes);
	if (!c || c->loaded)
		return image_skip_raw(img, e->bytes);
	c->loaded = true;
	c->bytes = e->bytes;
	c->capacity = e->has_size ? e->size : 0;
	c->data = mem_alloc(e->bytes);
	c->nr_packets = e->n_packets;
	if (e->n_packets)
		c->packets = mem_dup(e->packets, e->n_packets * sizeof(*e->packets));
	return image_read_raw(img, c->data, e->bytes);
}

int pipe_contents_load(struct restore *r, enum image_kind kind, pipe_content_fn *find)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	int ret = image_reader_open(r->s->images, kind, 0, &img);

	if (ret <= 0)
		return ret;
	while ((ret = image_read(img, &m)) > 0) {
		ret = content_load(r, img, (const PipeDataEntry *)m, find);
		protobuf_c_message_free_unpacked(m, NULL);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	return ret < 0 ? ret : 0;
}

static int packet_write(int fd, const uint8_t *data, uint32_t len)
{
	int ret;

	if (fcntl(fd, F_SETFL, O_NONBLOCK | O_DIRECT) < 0)
		return fail(errno, "F_SETFL with O_DIRECT");
	ret = io_write(fd, data, len);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return fail(errno, "F_SETFL without O_DIRECT");
	return ret < 0 ? fail(-ret, "write a packet of %u bytes", len) : 0;
}

/* What is written goes into the last buffer, if there is room, even a packet: so what stands
 * before a packet comes by tee(2). Buffers of a copy are never written on to. */
static int sealed_write(int fd, const struct pipe_content *c, uint32_t at, uint32_t len)
{
	cleanup_own_pipe struct own_pipe via = { -1, -1 };
	int ret = len ? own_pipe_open(&via, fcntl(fd, F_GETPIPE_SZ)) : 0;

	if (ret < 0 || !len)
		return ret;
	ret = io_write(via.out, c->data + at, len);
	if (ret < 0)
		return fail(-ret, "write %u bytes", len);
	if (tee(via.in, fd, len, SPLICE_F_NONBLOCK) != (ssize_t)len)
		return fail_plain("no room for %u bytes", len);
	return 0;
}

int pipe_content_fill(const struct pipe_content *c, int fd)
{
	uint32_t at = 0;
	int ret = 0;

	if (c->capacity && fcntl(fd, F_SETPIPE_SZ, (int)c->capacity) < 0)
		return fail(errno, "capacity %u", c->capacity);
	for (size_t i = 0; i < c->nr_packets && ret >= 0; i += 2) {
		ret = sealed_write(fd, c, at, c->packets[i] - at);
		if (ret >= 0)
			ret = packet_write(fd, c->data + c->packets[i], c->packets[i + 1]);
		at = c->packets[i] + c->packets[i + 1];
	}
	if (ret < 0 || at == c->bytes)
		return ret;
	ret = io_write(fd, c->data + at, c->bytes - at);
	return ret < 0 ? fail(-ret, "write %u bytes", c->bytes - at) : 0;
}

void pipe_content_done(struct pipe_content *c)
{
	free(c->data);
	free(c->packets);
	c->data = NULL;
	c->packets = NULL;
}
