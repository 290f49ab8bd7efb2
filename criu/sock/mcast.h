// SPDX-License-Identifier: GPL-2.0-only
/* Multicast groups that a socket has joined. */
#pragma once
#include "criu/core/dump.h"
#include "images/inet.pb-c.h"

/* All of them speak. */
int mcast_dump(struct dump *d, int fd, InetSkEntry *e);
int mcast_load(const InetSkEntry *e);
int mcast_restore(int fd, const InetSkEntry *e);
