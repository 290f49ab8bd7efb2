// SPDX-License-Identifier: GPL-2.0-only
/* Sockets over the loopback, in the three ways that IP addresses come. */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum net_way { NET_V4, NET_V6, NET_V4_IN_V6, NET_WAYS };

struct net_addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t len;
};

const char *net_name(enum net_way way);
/* Of the loopback. */
struct net_addr net_loopback(enum net_way way, uint16_t port);
int net_family(enum net_way way);

/* A listening socket at a free port, whose address goes to ADDR. */
int tcp_listener(enum net_way way, struct net_addr *addr);
/* A connection: end[0] has connected, end[1] was accepted. Both block. */
void tcp_pair(enum net_way way, int end[2]);
/* TCP_ESTABLISHED, ...; waits until it is STATE, or until the runner loses its patience. */
int tcp_state(int fd);
void tcp_wait_state(int fd, int state);

/* SIZE bytes of datagen() from one end to the other, in pieces that fit. False and a message: they
 * did not come as they were sent. */
_Bool tcp_transfer(int from, int to, size_t size, uint32_t seed);
/* Fills the way from one end to the other until nothing fits any more: how many bytes. */
size_t tcp_fill(int fd, uint32_t seed);
/* Reads SIZE bytes, those of tcp_fill(). */
_Bool tcp_drain(int fd, size_t size, uint32_t seed);
/* True: the other end has said that nothing comes any more. */
_Bool tcp_at_end(int fd);
