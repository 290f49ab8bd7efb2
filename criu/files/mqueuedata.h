// SPDX-License-Identifier: GPL-2.0-only
/* What waits in a POSIX message queue. */
#pragma once
#include "criu/core/dump.h"
#include "images/mqueue.pb-c.h"

/*
 * All messages, into the arena of the dump; they are in the queue again when it returns. fd is for
 * reading and writing, and does not wait. count: as mq_getattr(3) told, bytes: as read(2). Nobody
 * is to be told of messages (mq_notify(3)), and nobody outside of the tree uses the queue. Speaks.
 */
int mqueue_content_dump(struct dump *d, int fd, uint64_t count, uint64_t bytes, uint64_t msg_size,
			MqueueQueueEntry *ret);
/* Speaks. */
int mqueue_content_fill(int fd, const MqueueQueueEntry *e);
