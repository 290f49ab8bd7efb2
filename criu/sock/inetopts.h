// SPDX-License-Identifier: GPL-2.0-only
/* Options of IPv4 and IPv6 sockets below SOL_SOCKET: ip(7), ipv6(7), tcp(7), udp(7), raw(7). */
#pragma once
#include <stdbool.h>

#include "criu/core/dump.h"
#include "images/inet.pb-c.h"

/* What kind of socket an option is of. */
enum {
	INET_V4 = 1,
	INET_V6 = 2,
	INET_TCP = 4,
	INET_UDP = 8,
	INET_UDPLITE = 16,
	INET_RAW = 32,
	INET_MPTCP = 64,
};

#define INET_OPTIONS_MAX 96
#define CONGESTION_MAX   32 /* more than TCP_CA_NAME_MAX */

/* 0: no socket that is kept. */
unsigned int inet_sort(int family, int type, int protocol);

/* What a new socket of a sort has: read once. */
struct inet_standard {
	unsigned int sort;
	int protocol, fd;
	bool there[INET_OPTIONS_MAX];
	int value[INET_OPTIONS_MAX];
	char congestion[CONGESTION_MAX]; /* of TCP */
};

void inet_standard_read(struct inet_standard *s, const InetSkEntry *like);

/*
 * dump: all options of fd, a socket like e, into e; but those that are
 * as of a new socket are not in the image. Speaks.
 */
int inet_opts_dump(struct arena *a, int fd, const struct inet_standard *s, InetSkEntry *e);

/* restore; all of them speak. load: can the image be right? early: before bind and connect. late:
 * when what is to be sent has been written. */
int inet_opts_load(const InetSkEntry *e);
int inet_opts_restore_early(int fd, const InetSkEntry *e);
int inet_opts_restore_late(int fd, const InetSkEntry *e);
