// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small image is read whole with the first read; of a large one a window is held, which grows
 * to the size of the record that is asked for. The file is not mapped: whoever cuts it off while
 * we read would kill us with SIGBUS.
 */
#include "criu/image/reader.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/image/wire.h"
#include "images/inventory.pb-c.h"

#define READER_WINDOW 65536u

struct image_reader {
	const struct image_type *type;
	int fd;
	uint64_t size; /* of the file */
	uint64_t pos; /* in the file, of what has not been handed out */
	uint64_t records;
	uint8_t *buf; /* buf[start..end) stands at pos in the file */
	size_t cap, start, end;
	char *where; /* for image_reader_where() */
	char path[];
};

static uint64_t reader_left(const struct image_reader *r)
{
	return r->size - r->pos;
}

static void reader_consume(struct image_reader *r, size_t size)
{
	r->start += size;
	r->pos += size;
}

static int reader_pread(struct image_reader *r, void *buf, size_t size, uint64_t pos)
{
	int err = io_pread(r->fd, buf, size, (off_t)pos);

	if (err == -ENODATA)
		return fail_plain("%s: became shorter while it was read", r->path);
	if (err < 0)
		return fail(-err, "%s: read", r->path);
	return 0;
}

static int reader_grow(struct image_reader *r, size_t need)
{
	uint8_t *buf;

	if (need <= r->cap)
		return 0;
	buf = realloc(r->buf, need);
	if (!buf)
		return fail(ENOMEM, "%s: %zu bytes for a record", r->path, need);
	r->buf = buf;
	r->cap = need;
	return 0;
}

/* At least `need` bytes (no more than are left) from buf[start] on. */
static int reader_fill(struct image_reader *r, size_t need)
{
	size_t held = r->end - r->start, want;
	int err;

	if (held >= need)
		return 0;
	if (r->start) {
		memmove(r->buf, r->buf + r->start, held);
		r->start = 0;
		r->end = held;
	}
	err = reader_grow(r, need);
	if (err < 0)
		return err;
	want = r->cap;
	if (want > reader_left(r))
		want = (size_t)reader_left(r);
	err = reader_pread(r, r->buf + held, want - held, r->pos + held);
	if (err < 0)
		return err;
	r->end = want;
	return 0;
}

static uint32_t reader_u32(struct image_reader *r)
{
	uint32_t value;

	memcpy(&value, r->buf + r->start, sizeof(value));
	reader_consume(r, sizeof(value));
	return le32toh(value);
}

static int magic_fail(const struct image_reader *r, uint32_t magic)
{
	const char *name = image_magic_name(magic);

	if (name)
		return fail_plain("%s: is a %s image, not %s", r->path, name, r->type->name);
	return fail_plain("%s: not a %s image: magic 0x%08x, not 0x%08x", r->path, r->type->name,
			  magic, r->type->magic);
}

static int reader_check_magic(struct image_reader *r)
{
	bool two = r->type->framing != IMAGE_FRAMING_INVENTORY;
	uint32_t magic, outer = r->type->framing == IMAGE_FRAMING_SERVICE ? IMAGE_MAGIC_SERVICE
									  : IMAGE_MAGIC_COMMON;
	int err;

	if (reader_left(r) < (two ? 8 : 4))
		return fail_plain("%s: %" PRIu64 " bytes, too short for an image", r->path,
				  r->size);
	err = reader_fill(r, two ? 8 : 4);
	if (err < 0)
		return err;
	magic = reader_u32(r);
	if (two) {
		if (magic != outer)
			return fail_plain("%s: not an image of version %u: it begins with 0x%08x",
					  r->path, IMAGE_VERSION, magic);
		magic = reader_u32(r);
	}
	return magic == r->type->magic ? 0 : magic_fail(r, magic);
}

static struct image_reader *reader_new(const struct image_dir *d, enum image_kind kind, uint64_t id,
				       int fd, uint64_t size)
{
	const char *dir = image_dir_path(d);
	size_t len = strlen(dir) + 1 + IMAGE_NAME_MAX;
	struct image_reader *r = mem_alloc(sizeof(*r) + len);
	char name[IMAGE_NAME_MAX];

	r->type = &image_types[kind];
	r->fd = fd;
	r->size = size;
	snprintf(r->path, len, "%s/%s", dir, image_file_name(kind, id, name));
	return r;
}

int image_reader_open(const struct image_dir *d, enum image_kind kind, uint64_t id,
		      struct image_reader **ret)
{
	struct image_reader *r;
	uint64_t size;
	int err, fd;

	assert(image_types[kind].framing != IMAGE_FRAMING_RAW);
	err = image_dir_open_file(d, kind, id, &fd, &size);
	if (err <= 0)
		return err;
	r = reader_new(d, kind, id, fd, size);
	err = reader_grow(r, size < READER_WINDOW ? (size_t)size + !size : READER_WINDOW);
	if (err >= 0)
		err = reader_check_magic(r);
	if (err < 0) {
		image_reader_free(r);
		return err;
	}
	*ret = r;
	return 1;
}

/* The bytes of the next record are in the buffer, at start. */
static int reader_next_record(struct image_reader *r, const ProtobufCMessageDescriptor *desc,
			      size_t *ret_size)
{
	uint32_t size;
	int err;

	if (reader_left(r) < sizeof(size))
		return fail_plain("%s: %" PRIu64 " bytes at the end belong to no %s", r->path,
				  reader_left(r), desc->name);
	err = reader_fill(r, sizeof(size));
	if (err < 0)
		return err;
	size = reader_u32(r);
	r->records++;
	if (size > reader_left(r))
		return fail_plain("%s: record %" PRIu64 " (%s): cut off: %u bytes, %" PRIu64
				  " are left",
				  r->path, r->records, desc->name, size, reader_left(r));
	if (size > IMAGE_RECORD_MAX)
		return fail_plain("%s: record %" PRIu64 " (%s): %u bytes are too many", r->path,
				  r->records, desc->name, size);
	err = reader_fill(r, size);
	if (err < 0)
		return err;
	*ret_size = size;
	return 0;
}

static int version_check(const struct image_reader *r, uint32_t version)
{
	if (version > IMAGE_VERSION_MAX)
		return fail_plain("%s: image version %u: made by a newer crtool, this one reads %u",
				  r->path, version, IMAGE_VERSION_MAX);
	if (version < IMAGE_VERSION)
		return fail_plain("%s: image version %u is too old, crtool reads %u", r->path,
				  version, IMAGE_VERSION);
	return 0;
}

/* A newer inventory may hold what we take for damage: look at its first field. */
static int record_fail(const struct image_reader *r, const ProtobufCMessageDescriptor *desc,
		       const uint8_t *data, size_t size, const char *why)
{
	if (desc == &inventory_entry__descriptor && size >= 2 && data[0] == 1 << 3 &&
	    data[1] > IMAGE_VERSION_MAX && data[1] < 0x80)
		return version_check(r, data[1]);
	return fail_plain("%s: record %" PRIu64 " (%s): %s", r->path, r->records, desc->name, why);
}

static int reader_unpack(struct image_reader *r, const ProtobufCMessageDescriptor *desc,
			 size_t size, ProtobufCAllocator *from, ProtobufCMessage **ret)
{
	const uint8_t *data = r->buf + r->start;
	ProtobufCMessage *m;
	char why[256];
	int err = 0;

	if (!wire_check(desc, data, size, why, sizeof(why)))
		return record_fail(r, desc, data, size, why);
	m = protobuf_c_message_unpack(desc, from, size, data);
	if (!m)
		return fail(ENOMEM, "%s: record %" PRIu64 " (%s): unpack %zu bytes", r->path,
			    r->records, desc->name, size);
	reader_consume(r, size);
	if (desc == &inventory_entry__descriptor)
		err = version_check(r, ((const InventoryEntry *)m)->img_version);
	if (err >= 0 && !r->type->next && !r->type->raw && reader_left(r))
		err = fail_plain("%s: %" PRIu64 " bytes too many at the end", r->path,
				 reader_left(r));
	if (err < 0) {
		protobuf_c_message_free_unpacked(m, from);
		return err;
	}
	*ret = m;
	return 1;
}

static int read_as(struct image_reader *r, const ProtobufCMessageDescriptor *desc,
		   ProtobufCAllocator *from, ProtobufCMessage **ret)
{
	size_t size = 0;
	int err = reader_next_record(r, desc, &size);

	return err < 0 ? err : reader_unpack(r, desc, size, from, ret);
}

int image_read_as(struct image_reader *r, const ProtobufCMessageDescriptor *desc,
		  ProtobufCMessage **ret)
{
	return read_as(r, desc, NULL, ret);
}

int image_read(struct image_reader *r, ProtobufCMessage **ret)
{
	return image_read_from(r, NULL, ret);
}

int image_read_from(struct image_reader *r, ProtobufCAllocator *from, ProtobufCMessage **ret)
{
	const ProtobufCMessageDescriptor *desc = r->records ? r->type->next : r->type->first;

	if (!reader_left(r) && (r->records || r->type->multiple))
		return 0;
	if (!reader_left(r))
		return fail_plain("%s: there is no %s in it", r->path, desc->name);
	if (!desc)
		return fail_plain("%s: %" PRIu64 " bytes too many at the end", r->path,
				  reader_left(r));
	return read_as(r, desc, from, ret);
}

static int raw_check(const struct image_reader *r, uint64_t size)
{
	if (size <= reader_left(r))
		return 0;
	return fail_plain("%s: cut off: %" PRIu64 " bytes should follow record %" PRIu64
			  ", %" PRIu64 " are left",
			  r->path, size, r->records, reader_left(r));
}

int image_read_raw(struct image_reader *r, void *buf, size_t size)
{
	size_t held = r->end - r->start;
	int err;

	err = raw_check(r, size);
	if (err < 0 || !size)
		return err;
	if (held > size)
		held = size;
	memcpy(buf, r->buf + r->start, held);
	if (size > held) {
		err = reader_pread(r, (char *)buf + held, size - held, r->pos + held);
		if (err < 0)
			return err;
	}
	reader_consume(r, held);
	r->pos += size - held;
	return 0;
}

int image_skip_raw(struct image_reader *r, uint64_t size)
{
	size_t held = r->end - r->start;
	int err;

	err = raw_check(r, size);
	if (err < 0)
		return err;
	if (held > size)
		held = (size_t)size;
	reader_consume(r, held);
	r->pos += size - held;
	return 0;
}

uint64_t image_reader_left(const struct image_reader *r)
{
	return reader_left(r);
}

int image_reader_fd(const struct image_reader *r, off_t *ret_pos)
{
	*ret_pos = (off_t)r->pos;
	return r->fd;
}

const char *image_reader_where(struct image_reader *r)
{
	size_t len = strlen(r->path) + 40;

	if (!r->where)
		r->where = mem_alloc(len);
	snprintf(r->where, len, "%s: record %" PRIu64, r->path, r->records);
	return r->where;
}

struct image_reader *image_reader_free(struct image_reader *r)
{
	int saved = errno;

	if (!r)
		return NULL;
	close(r->fd);
	free(r->where);
	free(r->buf);
	free(r);
	errno = saved;
	return NULL;
}

int image_get(const struct image_dir *d, enum image_kind kind, uint64_t id, ProtobufCMessage **ret)
{
	return image_get_from(d, kind, id, NULL, ret);
}

int image_get_from(const struct image_dir *d, enum image_kind kind, uint64_t id,
		   ProtobufCAllocator *from, ProtobufCMessage **ret)
{
	struct image_reader *r = NULL;
	char name[IMAGE_NAME_MAX];
	int err;

	err = image_reader_open(d, kind, id, &r);
	if (err < 0)
		return err;
	if (!err)
		return fail(ENOENT, "%s/%s", image_dir_path(d), image_file_name(kind, id, name));
	err = image_read_from(r, from, ret);
	if (err > 0 && reader_left(r)) {
		err = fail_plain("%s: %" PRIu64 " bytes too many at the end", r->path,
				 reader_left(r));
		protobuf_c_message_free_unpacked(*ret, from);
	}
	image_reader_free(r);
	return err < 0 ? err : 0;
}

int image_open_raw(const struct image_dir *d, enum image_kind kind, uint64_t id, int *ret_fd)
{
	uint64_t size;

	assert(image_types[kind].framing == IMAGE_FRAMING_RAW);
	return image_dir_open_file(d, kind, id, ret_fd, &size);
}
