// SPDX-License-Identifier: GPL-2.0-only
/* Addresses of IPv4 and IPv6 sockets: as images, system calls, packets and people have them. */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "criu/core/dump.h"
#include "criu/net/lock.h"
#include "images/inet.pb-c.h"

union inet_addr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* "10.0.0.1:80", "[fe80::1%eth0]:80" */
#define INET_TEXT_MAX 80
const char *inet_text(const union inet_addr *a, char buf[INET_TEXT_MAX]);

/* dump: into the entry, in the arena. */
void inet_addr_put(struct dump *d, InetSkEntry *e, const union inet_addr *local,
		   const union inet_addr *peer);

/* restore: out of the entry. load: can it be right? Speaks. */
int inet_addr_load(const InetSkEntry *e);
socklen_t inet_addr_local(const InetSkEntry *e, union inet_addr *ret);
socklen_t inet_addr_peer(const InetSkEntry *e, union inet_addr *ret);
bool inet_addr_is_any(const union inet_addr *a);

/* As they stand in packets: v4-in-v6 is IPv4 there. */
void inet_conn(const union inet_addr *local, const union inet_addr *peer, struct net_conn *ret);
