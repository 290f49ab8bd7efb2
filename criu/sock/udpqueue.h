// SPDX-License-Identifier: GPL-2.0-only
/* Datagrams that a UDP socket has not received yet. All of them speak. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/file.h"
#include "criu/core/restore.h"
#include "images/inet.pb-c.h"

/* end: all sockets were looked at. */
int udp_queue_dump(struct dump *d, const struct fd_probe *p, const InetSkEntry *e);
int udp_queue_dump_end(struct dump *d);

/* load: all of them, once. restore: in the owner, when the socket is bound. */
int udp_queues_load(struct restore *r);
int udp_queue_restore(const struct restore *r, const InetSkEntry *e, int fd);
