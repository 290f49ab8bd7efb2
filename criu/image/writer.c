// SPDX-License-Identifier: GPL-2.0-only
#include "criu/image/writer.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"

#define WRITER_BUFFER 65536u

struct image_writer {
	struct image_dir *dir;
	enum image_kind kind;
	uint64_t id;
	int fd; /* -1: the file is not there yet */
	bool failed;
	uint64_t records;
	size_t len;
	uint8_t buf[WRITER_BUFFER];
};

static int writer_fail(const struct image_writer *w, int err, const char *what)
{
	char name[IMAGE_NAME_MAX];

	image_file_name(w->kind, w->id, name);
	return fail(err, "%s/%s: %s", image_dir_path(w->dir), name, what);
}

static int writer_flush(struct image_writer *w)
{
	int r;

	if (!w->len)
		return 0;
	r = io_write(w->fd, w->buf, w->len);
	if (r < 0) {
		w->failed = true;
		return writer_fail(w, -r, "write");
	}
	w->len = 0;
	return 0;
}

static int writer_put(struct image_writer *w, const void *data, size_t size)
{
	int r;

	if (size > sizeof(w->buf) - w->len) {
		r = writer_flush(w);
		if (r < 0)
			return r;
	}
	if (size > sizeof(w->buf)) {
		r = io_write(w->fd, data, size);
		if (r < 0) {
			w->failed = true;
			return writer_fail(w, -r, "write");
		}
		return 0;
	}
	memcpy(w->buf + w->len, data, size);
	w->len += size;
	return 0;
}

static void writer_put_u32(struct image_writer *w, uint32_t value)
{
	value = htole32(value);
	memcpy(w->buf + w->len, &value, sizeof(value));
	w->len += sizeof(value);
}

/* The file with its magic in the buffer. */
static int writer_create(struct image_writer *w)
{
	const struct image_type *t = &image_types[w->kind];

	w->fd = image_dir_create_file(w->dir, w->kind, w->id);
	if (w->fd < 0)
		return w->fd;
	if (t->framing == IMAGE_FRAMING_COMMON)
		writer_put_u32(w, IMAGE_MAGIC_COMMON);
	else if (t->framing == IMAGE_FRAMING_SERVICE)
		writer_put_u32(w, IMAGE_MAGIC_SERVICE);
	writer_put_u32(w, t->magic);
	return 0;
}

static struct image_writer *writer_new(struct image_dir *d, enum image_kind kind, uint64_t id)
{
	struct image_writer *w = mem_realloc(NULL, 1, sizeof(*w)); /* buf need not be zeroed */

	w->dir = d;
	w->kind = kind;
	w->id = id;
	w->fd = -1;
	w->failed = false;
	w->records = 0;
	w->len = 0;
	return w;
}

int image_writer_open(struct image_dir *d, enum image_kind kind, uint64_t id,
		      struct image_writer **ret)
{
	struct image_writer *w;
	int r;

	assert(image_types[kind].framing != IMAGE_FRAMING_RAW);
	w = writer_new(d, kind, id);
	if (!image_types[kind].multiple) {
		r = writer_create(w);
		if (r < 0) {
			image_writer_free(w);
			return r;
		}
	}
	*ret = w;
	return 0;
}

static bool writer_takes(const struct image_writer *w, const ProtobufCMessage *m)
{
	const struct image_type *t = &image_types[w->kind];

	if (w->records == 0)
		return m->descriptor == t->first;
	return m->descriptor == t->next || (t->inner && m->descriptor == t->inner);
}

/* A record that the buffer cannot hold. */
static int writer_put_large(struct image_writer *w, const ProtobufCMessage *m, size_t size)
{
	uint8_t *packed = malloc(size);
	int r;

	if (!packed)
		return writer_fail(w, ENOMEM, "pack a record");
	protobuf_c_message_pack(m, packed);
	r = writer_put(w, packed, size);
	free(packed);
	return r;
}

int image_write(struct image_writer *w, const ProtobufCMessage *m)
{
	size_t size = protobuf_c_message_get_packed_size(m);
	int r;

	assert(writer_takes(w, m));
	assert(protobuf_c_message_check(m));
	if (size > IMAGE_RECORD_MAX)
		return writer_fail(w, EFBIG, "write a record");
	if (w->fd < 0) {
		r = writer_create(w);
		if (r < 0)
			return r;
	}
	if (sizeof(w->buf) - w->len < sizeof(uint32_t) + size) {
		r = writer_flush(w);
		if (r < 0)
			return r;
	}
	writer_put_u32(w, (uint32_t)size);
	w->records++;
	if (size > sizeof(w->buf) - w->len)
		return writer_put_large(w, m, size);
	w->len += protobuf_c_message_pack(m, w->buf + w->len);
	return 0;
}

int image_write_raw(struct image_writer *w, const void *buf, size_t size)
{
	assert(image_types[w->kind].raw && w->records);
	return size ? writer_put(w, buf, size) : 0;
}

int image_writer_fd(struct image_writer *w)
{
	int r;

	assert(image_types[w->kind].raw && w->records);
	r = writer_flush(w);
	return r < 0 ? r : w->fd;
}

int image_writer_close(struct image_writer **pw)
{
	struct image_writer *w = take_ptr(*pw);
	int r;

	r = w->failed ? writer_fail(w, EIO, "write") : writer_flush(w);
	if (r >= 0 && w->fd >= 0) {
		/* A full disk or quota may show only here (NFS). */
		if (close(w->fd) < 0 && errno != EINTR)
			r = writer_fail(w, errno, "close");
		w->fd = -1;
	}
	image_writer_free(w);
	return r;
}

struct image_writer *image_writer_free(struct image_writer *w)
{
	if (!w)
		return NULL;
	if (w->fd >= 0)
		close(w->fd);
	free(w);
	return NULL;
}

int image_put(struct image_dir *d, enum image_kind kind, uint64_t id, const ProtobufCMessage *m)
{
	struct image_writer *w = writer_new(d, kind, id);
	int r;

	r = image_write(w, m);
	if (r < 0) {
		image_writer_free(w);
		return r;
	}
	return image_writer_close(&w);
}

int image_create_raw(struct image_dir *d, enum image_kind kind, uint64_t id)
{
	assert(image_types[kind].framing == IMAGE_FRAMING_RAW);
	return image_dir_create_file(d, kind, id);
}

void image_remove_raw(struct image_dir *d, enum image_kind kind, uint64_t id)
{
	char name[IMAGE_NAME_MAX];

	unlinkat(image_dir_fd(d), image_file_name(kind, id, name), 0);
}
