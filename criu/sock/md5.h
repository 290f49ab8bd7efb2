// SPDX-License-Identifier: GPL-2.0-only
/* TCP_MD5SIG: keys, by address of the peer. */
#pragma once
#include "criu/core/dump.h"
#include "criu/kernel/inet_diag.h"
#include "images/inet.pb-c.h"

void md5_dump(struct dump *d, const struct inet_md5 *keys, size_t nr, InetSkEntry *e);
/* Both speak. restore: after segments of our own have come in, which have no signature. */
int md5_load(const InetSkEntry *e);
int md5_restore(int fd, const InetSkEntry *e);
