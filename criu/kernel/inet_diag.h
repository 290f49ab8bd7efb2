// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel's lists of inet sockets say of one: sock_diag(7), net/ipv4/inet_diag.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

#define INET_MD5_KEY_MAX 80
#define INET_MD5_MAX     32 /* of one socket, that we take */

struct inet_md5 {
	uint8_t family, prefix; /* AF_*, bits */
	uint16_t key_len;
	uint8_t addr[16]; /* the first 4 bytes for IPv4 */
	uint8_t key[INET_MD5_KEY_MAX];
};

struct inet_diag {
	uint32_t ino; /* 0: no descriptor leads there */
	uint8_t family, state; /* AF_*, TCP_ESTABLISHED, ... */
	uint16_t src_port, dst_port; /* network byte order */
	uint8_t src[16], dst[16]; /* the first 4 bytes for IPv4 */
	uint32_t ifindex; /* bound to; 0: to none */
	uint32_t receive_queue, send_queue;
	bool has_shutdown;
	uint8_t shutdown; /* 1 no more to be received, 2 to be sent */
	size_t nr_md5; /* told to those with CAP_NET_ADMIN */
	struct inet_md5 md5[INET_MD5_MAX];
};

/* A message of the answer: 0, -EBADMSG, or -E2BIG: more keys than we take. */
int inet_diag_parse(const struct nlmsghdr *h, struct inet_diag *ret);

/* fn for each socket of these in one of the states (bits 1 << TCP_*). Less than 0 ends it. */
typedef int inet_diag_fn(const struct inet_diag *s, void *ctx);
int inet_diag_each(int family, int protocol, uint32_t states, inet_diag_fn *fn, void *ctx);
