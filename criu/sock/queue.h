// SPDX-License-Identifier: GPL-2.0-only
/* What waits to be received from a unix socket: bytes or packets, with what goes with them. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/file.h"
#include "images/queue.pb-c.h"

/* A socket whose queue is to be read, in crtool. */
struct queue_of {
	const struct task *task; /* and fd: for messages */
	int fd, lfd;
	uint32_t id; /* of its image */
	int type; /* SOCK_* */
	int peek_off; /* SO_PEEK_OFF, -1: not set */
	uint64_t rights; /* descriptors that are in it, as fdinfo counts them */
};

/*
 * sk-queues.img: all that is in it, by MSG_PEEK, which takes nothing out. What cannot be kept
 * becomes a blocker. Descriptors in flight become files of the dump. Speaks.
 */
int sk_queue_dump(struct dump *d, const struct queue_of *q);

/* --- restore --- */

struct restore;

/* One message: a packet, or a piece of a stream. */
struct sk_message {
	struct sk_message *next;
	const SkPacketEntry *e;
	uint8_t *data; /* e->length bytes */
};

/* Of one receiver, in order. */
struct sk_queue {
	struct sk_message *first, **last;
};

/* Where the queue of the file with this id goes; NULL: nobody has it. */
typedef struct sk_queue *sk_queue_fn(struct restore *r, uint32_t id);

/* All of sk-queues.img, if it is there, in the arena of the restore. Speaks. */
int sk_queues_load(struct restore *r, sk_queue_fn *find);
