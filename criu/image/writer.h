// SPDX-License-Identifier: GPL-2.0-only
/* Writes one image: records and raw bytes, through a buffer. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "criu/image/dir.h"

struct image_writer;

/*
 * Every function speaks (0 or negative). Different writers of one directory may be used by
 * different threads. Files are created with mode 0600 and must not exist yet.
 *
 * A kind with any number of records gets its file with the first one; the others at once.
 */
int image_writer_open(struct image_dir *d, enum image_kind kind, uint64_t id,
		      struct image_writer **ret);

/* Appends a record. The message must be one of those that the kind holds. */
int image_write(struct image_writer *w, const ProtobufCMessage *m);

/* Appends raw bytes; the record before says how many there are. */
int image_write_raw(struct image_writer *w, const void *buf, size_t size);

/*
 * Flushes, and gives the descriptor (of the writer) whose position is the end of the image, for
 * long contents: sendfile(2), copy_file_range(2). Written bytes count as image_write_raw().
 */
int image_writer_fd(struct image_writer *w);

/* Flushes and closes; sets *w to NULL, also on error. Without it nothing is known to be written. */
int image_writer_close(struct image_writer **w);

/* Closes without a word: for error paths, the file is then incomplete. NULL is fine; NULL. */
struct image_writer *image_writer_free(struct image_writer *w);

/* An image of one record. */
int image_put(struct image_dir *d, enum image_kind kind, uint64_t id, const ProtobufCMessage *m);

/* Creates an image without framing (pages, tar, netlink); returns a descriptor opened O_RDWR. */
int image_create_raw(struct image_dir *d, enum image_kind kind, uint64_t id);
/* One that was made in vain, and is closed. Quiet. */
void image_remove_raw(struct image_dir *d, enum image_kind kind, uint64_t id);
