// SPDX-License-Identifier: GPL-2.0-only
/* What is in a pipe, and how much fits: of pipes and of FIFOs. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/file.h"
#include "criu/core/restore.h"
#include "images/table.h"

struct pipe_content {
	bool loaded;
	uint8_t *data; /* owned */
	uint32_t bytes;
	uint32_t capacity; /* 0: not known */
	uint32_t *packets; /* owned; of each: where it begins, how long it is */
	size_t nr_packets;
};

/* An empty pipe of crtool's own that serves for many copies. Zero-initialise. */
struct pipe_room {
	int ends[2];
	uint32_t capacity; /* 0: there is none */
};

/* NULL: nothing to do. */
void pipe_room_done(struct pipe_room *room);

/* Nobody has the other end. */
bool pipe_is_alone(int lfd);

/* The record with what is in the pipe. *img is opened when it is needed. Speaks. */
int pipe_content_dump(struct dump *d, enum image_kind kind, struct image_writer **img, uint32_t id,
		      const struct fd_probe *p);

/* A pipe that had little in it when its reading end was looked at. */
struct pipe_look {
	struct pipe_content content;
	bool alone;
};

/* *ret stays NULL if this is no such end; or it is the caller's. Speaks. */
int pipe_look_take(struct pipe_room *room, int lfd, uint32_t flags, struct pipe_look **ret);
void pipe_look_free(struct pipe_look *p);

/* Where the contents of the pipe with this id belong; NULL: nobody has it. */
typedef struct pipe_content *pipe_content_fn(struct restore *r, uint32_t id);

/* All records of the image, if it is there. Speaks. */
int pipe_contents_load(struct restore *r, enum image_kind kind, pipe_content_fn *find);

/* fd is a writing end that does not wait. Speaks. */
int pipe_content_fill(const struct pipe_content *c, int fd);
void pipe_content_done(struct pipe_content *c);
