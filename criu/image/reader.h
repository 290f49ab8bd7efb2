// SPDX-License-Identifier: GPL-2.0-only
/* Reads one image, and believes nothing in it. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "criu/image/dir.h"

struct image_reader;

/*
 * Every function speaks; a damaged image gives an error that names file, record and field.
 *
 * What a record that was read is known to be: all required fields are there, no field but the
 * repeated ones stands twice, enums have values of the enum, strings have no NUL inside, messages
 * nest at most 100 deep. Everything else (ids, counts, lengths of arrays, names) is for the caller
 * to check. Fields that we do not know are skipped.
 */

/* 1: opened, 0: no such file. */
int image_reader_open(const struct image_dir *d, enum image_kind kind, uint64_t id,
		      struct image_reader **ret);

/*
 * The next record, of the type that the kind has in this place; 1, or 0 at the end of the file.
 * Free it with protobuf_c_message_free_unpacked(m, NULL).
 */
int image_read(struct image_reader *r, ProtobufCMessage **ret);
/* The same with memory of the caller's choice, NULL: malloc's. */
int image_read_from(struct image_reader *r, ProtobufCAllocator *from, ProtobufCMessage **ret);

/* The same where the caller knows better what comes next (ipc_msg). */
int image_read_as(struct image_reader *r, const ProtobufCMessageDescriptor *desc,
		  ProtobufCMessage **ret);

/* Exactly `size` raw bytes, or an error. */
int image_read_raw(struct image_reader *r, void *buf, size_t size);

/* Passes over raw bytes. */
int image_skip_raw(struct image_reader *r, uint64_t size);

/* How many bytes of the file have not been read. */
uint64_t image_reader_left(const struct image_reader *r);

/*
 * For long contents: the descriptor (of the reader, its position means nothing) and the offset
 * of what has not been read. The reader does not move.
 */
int image_reader_fd(const struct image_reader *r, off_t *ret_pos);

/* "core-12.img: record 3", for messages about what the caller finds wrong in the last record. */
const char *image_reader_where(struct image_reader *r);

/* NULL is fine; returns NULL. */
struct image_reader *image_reader_free(struct image_reader *r);

/* The one record of an image that must be there, with nothing behind it. */
int image_get(const struct image_dir *d, enum image_kind kind, uint64_t id, ProtobufCMessage **ret);
int image_get_from(const struct image_dir *d, enum image_kind kind, uint64_t id,
		   ProtobufCAllocator *from, ProtobufCMessage **ret);

/* Opens an image without framing, O_RDONLY: 1 and *ret_fd, or 0: no such file. */
int image_open_raw(const struct image_dir *d, enum image_kind kind, uint64_t id, int *ret_fd);
